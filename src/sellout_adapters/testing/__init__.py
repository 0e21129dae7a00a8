"""The laws that every store obeys, for the stores here and for other authors' own.

`contract.StoreContract` is a class of pytest tests. Each takes a fixture `store`, an empty shop. `harness.laws` runs
the laws without pytest. `durability.DurabilityContract` adds the laws of a store that can be opened again.
`catalogue_version.CatalogueVersionContract` adds the law of a store whose catalogue a server caches.
`state_machine.machine.shop_machine` makes a Hypothesis state machine that drives a store beside a model. `scene.Scene`
is a small shop to write more laws with.
"""

from contextlib import suppress
from pkgutil import iter_modules

with suppress(ModuleNotFoundError):
    from pytest import register_assert_rewrite  # noqa: PT013 - the harness gives the laws their `pytest`

    # Without this a broken law would fail with a bare AssertionError. It must run before the modules are imported.
    register_assert_rewrite(*(f"{__name__}.{module.name}" for module in iter_modules(__path__)))
