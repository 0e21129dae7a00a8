"""The part of pytest that the laws use, and a runner without pytest.

`pytest` is the real module if it is installed. Otherwise it is a replacement with the functions that the laws use:
`raises`, `fixture` and `mark.parametrize`. `laws` returns each law as a function of a store, for any test runner.
"""

import inspect
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import product
from types import SimpleNamespace, TracebackType
from typing import TYPE_CHECKING, Any, Self

from sellout_adapters.testing.scene import Scene
from sellout_core.ports.store import Store

__all__ = ["laws", "pytest"]


class _Raises:
    """Asserts that its block raises one of some exceptions. `value` is the raised one."""

    def __init__(self, *kinds: Any) -> None:
        self._kinds = kinds
        self.value: BaseException | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, _: TracebackType | None) -> bool:
        assert kind is not None, f"nothing was raised instead of {self._kinds}"
        self.value = value
        return isinstance(value, self._kinds)


class _Parameters:
    """The part of a pytest mark that `laws` reads."""

    def __init__(self, names: Any, values: Sequence[Any]) -> None:
        self.name, self.args = "parametrize", (names, values)

    def __call__(self, law: Any) -> Any:
        law.pytestmark = [*getattr(law, "pytestmark", ()), self]
        return law


if TYPE_CHECKING:
    import pytest
else:
    try:
        import pytest
    except ModuleNotFoundError:
        pytest = SimpleNamespace(
            raises=_Raises, fixture=lambda make: make, mark=SimpleNamespace(parametrize=_Parameters)
        )


def laws(contract: type) -> Iterator[tuple[str, Callable[[Store], None]]]:
    """Each law of a contract: its name, and a function that takes an empty store and raises if the law is broken.

    A law with parameters is returned once for each set of parameters. Laws with other fixtures than a store, such as
    those of durability, are omitted.
    """
    for name in sorted(name for name in dir(contract) if name.startswith("test_")):
        law = getattr(contract, name)
        wanted = list(inspect.signature(law).parameters)[1:]
        cases = list(_cases(law))
        if set(wanted) <= {"store", "scene", *cases[0]}:
            for case in cases:
                label = f"{name}[{'-'.join(map(repr, case.values()))}]" if case else name
                yield label, partial(_run, contract, law, wanted, case)


def _cases(law: Any) -> Iterator[dict[str, Any]]:
    marks = [mark.args[:2] for mark in getattr(law, "pytestmark", ()) if mark.name == "parametrize"]
    for chosen in product(*(values for _, values in marks)):
        case: dict[str, Any] = {}
        for (names, _), values in zip(marks, chosen, strict=True):
            split = names.split(",") if isinstance(names, str) else list(names)
            case.update(zip(split, (values,) if len(split) == 1 else values, strict=True))
        yield case


def _run(contract: type, law: Any, wanted: Sequence[str], case: dict[str, Any], store: Store) -> None:
    given = {"store": store, "scene": Scene(store) if "scene" in wanted else None, **case}
    law(contract(), **{name: given[name] for name in wanted})
