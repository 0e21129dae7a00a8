"""Long lists: pages, batches, and one snapshot for all batches."""

from collections.abc import Callable, Sequence
from typing import Any

import pytest

from sellout_adapters.testing.scene import product_entry
from sellout_core.errors import FieldCode, InvalidField, InvalidFields
from sellout_core.people.accounts import OPERATOR
from sellout_core.ports import lists
from sellout_core.ports.lists import Part
from sellout_core.use_cases.catalogue.browsing import read_products
from sellout_core.use_cases.catalogue.importing.exporting import export_products
from sellout_core.use_cases.catalogue.importing.writing import import_products
from sellout_core.use_cases.people.users import read_users
from sellout_core.use_cases.shopping.checkout import check_out
from sellout_core.use_cases.shopping.orders import read_orders
from sellout_core.values import MAX_ID, MAX_LIST
from tests.unit.shop_scene import Scene

Read = Callable[..., int | None]
NUMBER = 7


def id_of(view: Any) -> int:
    """The id of the object that a list shows."""
    shown = getattr(view, "product", None) or getattr(view, "order", None) or view.user
    return int(shown.id)


@pytest.fixture
def scene() -> Scene:
    """A shop with the same number of products, users and orders."""
    scene = Scene()
    for number in range(NUMBER):
        buyer = scene.person(f"buyer{number}")
        check_out(scene.shop, buyer.actor, buyer.id, scene.ready(buyer, scene.unit(f"sku{number}", 7)))
    return scene


def batches(scene: Scene, read: Read, part: Part) -> tuple[list[list[int]], int | None]:
    """The ids of each batch that is passed to the sink, and the id after which the list continues."""
    passed: list[list[int]] = []
    following = read(scene.shop, OPERATOR, lambda views: passed.append([id_of(view) for view in views]), part)
    return passed, following


@pytest.mark.parametrize("read", [read_products, read_users, read_orders])
def test_a_part_is_one_batch_and_tells_where_the_list_goes_on(scene: Scene, read: Read) -> None:
    assert batches(scene, read, Part(0, 3)) == ([[1, 2, 3]], 3)
    assert batches(scene, read, Part(3, 3)) == ([[4, 5, 6]], 6)
    assert batches(scene, read, Part(4, 3)) == ([[5, 6, 7]], None)
    assert batches(scene, read, Part(6, 3)) == ([[7]], None)
    assert batches(scene, read, Part(0, MAX_LIST)) == ([[1, 2, 3, 4, 5, 6, 7]], None)
    assert batches(scene, read, Part(MAX_ID, 1)) == ([[]], None)


@pytest.mark.parametrize("read", [read_products, read_users, read_orders])
@pytest.mark.parametrize(
    ("size", "after", "expected"),
    [
        (1, 4, [[5], [6], [7]]),
        (3, 0, [[1, 2, 3], [4, 5, 6], [7]]),
        (7, 0, [[1, 2, 3, 4, 5, 6, 7]]),
        (3, 1, [[2, 3, 4], [5, 6, 7]]),
        (3, 7, [[]]),
    ],
)
def test_a_whole_list_comes_in_batches(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, read: Read, size: int, after: int, expected: list[list[int]]
) -> None:
    monkeypatch.setattr(lists, "BATCH", size)
    assert batches(scene, read, Part(after)) == (expected, None)


@pytest.mark.parametrize("read", [read_products, read_users, read_orders])
def test_all_batches_show_one_state(scene: Scene, monkeypatch: pytest.MonkeyPatch, read: Read) -> None:
    """An object that is added meanwhile is in none of them."""
    monkeypatch.setattr(lists, "BATCH", 2)
    seen: list[int] = []

    def take(views: Sequence[Any]) -> None:
        seen.extend(map(id_of, views))
        late = scene.person(f"late{len(seen)}")
        check_out(scene.shop, late.actor, late.id, scene.ready(late, scene.unit(f"late{len(seen)}", 7)))

    read(scene.shop, OPERATOR, take)
    assert seen == list(range(1, NUMBER + 1))


@pytest.mark.parametrize("read", [read_products, read_users, read_orders, export_products])
def test_the_sink_may_end_a_list(scene: Scene, read: Callable[..., object]) -> None:
    """An error of the sink is raised to the caller, and the shop works afterwards."""

    def refuse(_: object) -> None:
        raise OSError("no listener")

    with pytest.raises(OSError, match="no listener"):
        read(scene.shop, OPERATOR, refuse)
    import_products(scene.shop, OPERATOR, [product_entry("new")])


@pytest.mark.parametrize("limit", [0, -1, MAX_LIST + 1, 2**64])
@pytest.mark.parametrize("after", [-1, MAX_ID + 1, 2**64])
def test_a_part_out_of_its_limits_is_refused(limit: int, after: int) -> None:
    with pytest.raises(InvalidFields) as refusal:
        Part(after, limit)
    assert refusal.value.fields == (
        InvalidField("after", f"must be from 0 to {MAX_ID}", FieldCode.OUT_OF_RANGE),
        InvalidField("limit", "must be from 1 to 1000", FieldCode.OUT_OF_RANGE),
    )
    assert Part(MAX_ID, 1000) == Part(after=MAX_ID, limit=1000)
