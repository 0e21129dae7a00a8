"""The constraints in the database: a write that goes past the use cases is refused, on both databases alike."""

from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import datetime

import attrs
import pytest
from sqlalchemy import Connection, Integer, delete, func, insert, select, text, update
from sqlalchemy.exc import IntegrityError

from sellout_adapters.sql.schema.columns import metadata
from sellout_adapters.sql.session.errors import RunAgain
from sellout_core.accounts import OPERATOR
from sellout_core.ports.store import Transaction
from sellout_core.use_cases import wishlists
from sellout_core.values import MAX_ID
from tests.contract.conftest import PERSISTENT
from tests.contract.support.buying import Buying, about_to_buy

NOBODY = 999_999
REFERENCES = [
    (table.name, tuple(column.name for column in constraint.columns))
    for table in metadata.sorted_tables
    for constraint in sorted(table.foreign_key_constraints, key=lambda constraint: tuple(constraint.column_keys))
]
LAWS = {
    "stock below zero": "UPDATE product_units SET stock = -1 WHERE stock IS NOT NULL",
    "less than nothing sold": "UPDATE product_units SET sold = -1",
    "sold out and available": "UPDATE product_units SET stock = 0, available = TRUE WHERE stock IS NOT NULL",
    "a price below zero": "UPDATE product_units SET price = -1",
    "more activations than allowed": "UPDATE promo_codes SET activation_count = max_activation_count + 1",
    "activations below zero": "UPDATE promo_codes SET activation_count = -1",
    "more than everything off": "UPDATE promo_codes SET discount_percentage = 101",
    "a total below zero": "UPDATE orders SET total = -1",
    "an amount below zero": "UPDATE order_lines SET amount = -1",
    "half a promo code": "UPDATE orders SET promo_code = NULL",
    "no name": "UPDATE users SET username_key = ''",
    "a name that is taken": "UPDATE users SET username_key = (SELECT max(username_key) FROM users)",
    "a sku that is taken": "UPDATE products SET sku = (SELECT max(sku) FROM products)",
    "two carts": "UPDATE carts SET user_id = (SELECT max(user_id) FROM carts)",
    "no time": "UPDATE orders SET placed_at = NULL",
    "no text": "UPDATE orders SET email = NULL",
    "a unit twice in an order": "UPDATE order_lines SET unit_id = (SELECT max(unit_id) FROM order_lines)",
    "a key twice": "INSERT INTO answers SELECT * FROM answers",
}


@pytest.fixture(scope="module", params=PERSISTENT)
def full(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Buying]:
    """A shop with a row in every table."""
    with PERSISTENT[request.param](tmp_path_factory.mktemp("full")) as store:
        buying = about_to_buy(store)
        buying.check_out()
        scene, buyer = buying.scene, buying.buyer
        [product] = buying.store.read(lambda tx: tx.products.after(0, 1))
        wishlists.add_to_wishlist(scene.shop, OPERATOR, buyer, product.id, None)
        scene.fill_cart(buyer, *buying.units)
        scene.change_user(buyer, referrer_id=buyer)
        with store.engine.begin() as connection:
            connection.exec_driver_sql("UPDATE users SET gender_id = (SELECT max(id) FROM genders)")
        yield buying


@pytest.fixture
def connection(full: Buying) -> Iterator[Connection]:
    """The bare database of that shop; what is written is taken back."""
    with full.store.engine.connect() as connection:
        connection.begin()
        yield connection
        connection.rollback()


def require_refusal(write: Callable[[], object]) -> None:
    """Asserts that the database refuses; what is not unique is for the store to run again."""
    with pytest.raises((IntegrityError, RunAgain)):
        write()


@pytest.mark.parametrize(("name", "columns"), REFERENCES, ids=str)
def test_nothing_refers_to_what_is_not_there(connection: Connection, name: str, columns: tuple[str, ...]) -> None:
    """SQLite enforces foreign keys only after a PRAGMA."""
    table = metadata.tables[name]
    assert connection.scalar(select(func.count()).select_from(table).where(table.c[columns[0]].is_not(None)))
    require_refusal(lambda: connection.execute(update(table).values({columns[0]: NOBODY})))


@pytest.mark.parametrize("name", ["users", "products", "product_units", "sizes", "carts", "orders", "promo_codes"])
def test_what_is_referred_to_stays(connection: Connection, name: str) -> None:
    require_refusal(lambda: connection.execute(delete(metadata.tables[name])))


@pytest.mark.parametrize("law", LAWS)
def test_no_row_breaks_a_law(connection: Connection, law: str) -> None:
    require_refusal(lambda: connection.execute(text(LAWS[law])))


def test_numbers_are_kept_as_large_as_the_shop_has_them(connection: Connection) -> None:
    """All ids, prices and counts hold 53 bits: SQLite takes them in any column, PostgreSQL's INTEGER would not."""
    percentages = {"personal_discount", "discount_percentage", "promo_discount_percentage", "position"}
    numbers = {
        connection.dialect.type_compiler_instance.process(column.type)
        for table in metadata.sorted_tables
        for column in table.columns
        if isinstance(column.type, Integer) and column.name not in percentages
    }
    for kind in numbers:
        assert connection.scalar(text(f"SELECT CAST({MAX_ID} AS {kind})")) == MAX_ID


def test_a_failed_write_takes_the_transaction_with_it_also_if_the_work_goes_on(full: Buying) -> None:
    """After one SQLite would go on and keep the rest, PostgreSQL would refuse whatever follows."""
    before = full.everything()

    def work(tx: Transaction) -> None:
        [unit] = tx.units.get_many(full.units[:1]).values()
        tx.users.save(attrs.evolve(tx.users.after(0, 1_000)[0], first_name="Changed"))
        with suppress(IntegrityError):
            tx.units.save_many([attrs.evolve(unit, stock=-1)])

    with pytest.raises(IntegrityError):
        full.store.write(work)
    assert full.everything() == before


def test_ids_are_unique_and_rise_whatever_was_rolled_back(connection: Connection) -> None:
    """PostgreSQL leaves gaps and SQLite does not. Neither gives an id twice."""
    brands = metadata.tables["brands"]
    highest = connection.scalar(select(func.max(brands.c.id)))
    assert highest is not None
    assert connection.execute(insert(brands).values(name="new").returning(brands.c.id)).scalar_one() > highest


def test_a_time_that_means_no_moment_is_a_mistake_of_ours_and_no_trouble_of_the_databases(full: Buying) -> None:
    """A parameter that cannot be sent is not taken for a damaged row, which is a matter for the operator."""
    naive = datetime(2026, 3, 1)  # noqa: DTZ001 - the mistake
    with pytest.raises(ValueError, match="aware"):
        full.store.write(lambda tx: tx.counters.delete_ended(naive))
