"""The laws of changes by staff, on the store in memory: the unit tests cover the core without a database."""

import pytest

from sellout_adapters.memory import MemoryStore
from sellout_adapters.testing.laws.audit import AuditLaws
from sellout_adapters.testing.laws.catalogue.products import ProductChangeLaws, StockLedgerLaws, UnitChangeLaws
from sellout_adapters.testing.laws.catalogue.references import CategoryTreeLaws, ReferenceLaws, category
from sellout_adapters.testing.laws.people.user_management import UserManagementLaws
from sellout_adapters.testing.laws.people.user_search import UserSearchLaws
from sellout_adapters.testing.laws.shopping.promo_codes import PromoCodeLaws
from sellout_adapters.testing.scene import Scene, product_entry, shoe_size, unit_entry
from sellout_core.catalogue.references import ReferenceKind
from sellout_core.catalogue.stock import StockChange
from sellout_core.errors import InvalidFields, LimitReached, NotFound, Stale
from sellout_core.people.accounts import OPERATOR
from sellout_core.ports.store import Transaction
from sellout_core.use_cases.catalogue.importing.entries import UnitEdit
from sellout_core.use_cases.catalogue.products import change_unit, create_product, create_unit, delete_product
from sellout_core.use_cases.catalogue.references import merge_reference, read_references
from sellout_core.use_cases.catalogue.stock import change_stock, read_stock
from sellout_core.values import MAX_STOCK, Money, ProductId, ProductUnitId

ABSENT = ProductUnitId(999)


class TestChanges(
    AuditLaws,
    CategoryTreeLaws,
    ProductChangeLaws,
    PromoCodeLaws,
    ReferenceLaws,
    StockLedgerLaws,
    UnitChangeLaws,
    UserManagementLaws,
    UserSearchLaws,
):
    """The laws."""

    @pytest.fixture
    def store(self) -> MemoryStore:
        return MemoryStore()

    @pytest.fixture
    def scene(self, store: MemoryStore) -> Scene:
        return Scene(store)


@pytest.mark.parametrize("numbers", [{}, {"received": 1, "counted": 1}])
def test_a_stock_change_has_exactly_one_number(numbers: dict[str, int]) -> None:
    with pytest.raises(InvalidFields):
        StockChange(**numbers)  # type: ignore[arg-type]


def test_a_unit_has_at_most_a_billion_pieces() -> None:
    scene = Scene(MemoryStore())
    unit_id = scene.unit("one", 5, stock=MAX_STOCK)
    with pytest.raises(InvalidFields):
        change_stock(scene.shop, OPERATOR, unit_id, StockChange(received=1))


def test_the_stock_of_a_unit_that_does_not_exist_is_not_found() -> None:
    shop = Scene(MemoryStore()).shop
    with pytest.raises(NotFound):
        read_stock(shop, OPERATOR, ABSENT)
    with pytest.raises(NotFound):
        change_stock(shop, OPERATOR, ABSENT, StockChange(counted=1))


def test_categories_that_are_not_below_a_merged_one_stay() -> None:
    scene = Scene(MemoryStore())
    top, other = category(scene, "Top"), category(scene, "Other")
    category(scene, "Below", top)
    merge_reference(scene.shop, OPERATOR, ReferenceKind.CATEGORY, other, top)
    assert len(read_references(scene.shop, OPERATOR, ReferenceKind.CATEGORY)) == 2


def test_a_use_case_inside_a_transaction_is_rolled_back_with_it() -> None:
    scene = Scene(MemoryStore())

    def work(tx: Transaction) -> None:
        create_product(scene.shop.inside(tx), OPERATOR, product_entry("one"))
        assert tx.products.by_sku(["one"])
        raise NotFound

    with pytest.raises(NotFound):
        scene.store.write(work)
    assert scene.store.read(lambda tx: tx.products.by_sku(["one"])) == {}


def test_a_stale_product_is_not_deleted_and_a_stale_unit_not_changed() -> None:
    scene = Scene(MemoryStore())
    product, [unit] = scene.sell(product_entry("one", unit_entry(5)))
    with pytest.raises(Stale):
        delete_product(scene.shop, OPERATOR, product.id, lambda _: False)
    with pytest.raises(Stale):
        change_unit(scene.shop, OPERATOR, unit.id, UnitEdit(final_price=Money(6)), lambda _: False)
    assert scene.sold(product.id) == (product, [unit])


def test_a_product_that_does_not_exist_gets_no_unit() -> None:
    scene = Scene(MemoryStore())
    with pytest.raises(NotFound):
        create_unit(scene.shop, OPERATOR, ProductId(999), unit_entry(5))


def test_a_product_has_at_most_a_thousand_available_units() -> None:
    scene = Scene(MemoryStore())
    sizes = [shoe_size(str(number)) for number in range(1000)]
    product, _ = scene.sell(product_entry("one", *(unit_entry(5, size) for size in sizes)))
    with pytest.raises(LimitReached):
        create_unit(scene.shop, OPERATOR, product.id, unit_entry(5, shoe_size("1001")))
    sold_out = create_unit(scene.shop, OPERATOR, product.id, unit_entry(5, shoe_size("1002"), stock=0))
    with pytest.raises(LimitReached):
        change_stock(scene.shop, OPERATOR, sold_out.id, StockChange(received=1))
