"""The laws that every store obeys. Authors of stores can run them.

`contract.StoreContract` is a class of pytest tests. Each takes a fixture `store`, an empty shop. `harness.laws` runs
the laws without pytest. `durability.DurabilityContract` adds the laws of a store that can be reopened.
`catalogue_version.CatalogueVersionContract` adds the law of a store whose catalogue a server caches.
`state_machine.machine.shop_machine` makes a Hypothesis state machine that compares a store with a model. `scene.Scene`
is a small shop for writing more laws.
"""

from contextlib import suppress
from pkgutil import iter_modules

with suppress(ModuleNotFoundError):
    from pytest import register_assert_rewrite  # noqa: PT013 - the harness gives the laws their `pytest`

    # Without this a broken law fails without the compared values. It must run before the modules are imported.
    register_assert_rewrite(*(f"{__name__}.{module.name}" for module in iter_modules(__path__)))
