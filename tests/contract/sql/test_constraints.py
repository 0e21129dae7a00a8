"""Database constraints: both databases refuse invalid rows that do not come from the use cases."""

from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import datetime

import attrs
import pytest
from sqlalchemy import Connection, Integer, delete, func, insert, select, text, update
from sqlalchemy.exc import IntegrityError

from sellout_adapters.sql.schema.columns import metadata
from sellout_adapters.sql.session.errors import RunAgain
from sellout_adapters.testing.bank import Bank
from sellout_adapters.testing.laws.catalogue.references import category
from sellout_adapters.testing.laws.fulfilment.fulfilment import WAYS, bought, cancel, move, pay
from sellout_adapters.testing.laws.fulfilment.payments import started
from sellout_adapters.testing.laws.shopping.delivery import delivered_to
from sellout_adapters.testing.mailbox import deliver
from sellout_adapters.testing.scene import PASSWORD
from sellout_core.catalogue.pictures import StoredPicture
from sellout_core.people.accounts import ANONYMOUS, OPERATOR
from sellout_core.people.identity import EmailChange
from sellout_core.ports.store import Transaction
from sellout_core.use_cases.catalogue.pictures import add_picture
from sellout_core.use_cases.events.dispatching import dispatch_events
from sellout_core.use_cases.events.services import subscribe_service
from sellout_core.use_cases.people.identity import change_email, verify_email
from sellout_core.use_cases.shopping import wishlists
from sellout_core.use_cases.shopping.guest_carts import add_to_guest_cart
from sellout_core.values import MAX_ID
from tests.contract.conftest import PERSISTENT
from tests.contract.support.checkout_scene import CheckoutScene, checkout_scene
from tests.contract.support.second_factors import turning_on

UNKNOWN_ID = 999_999
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
    "half an address": "UPDATE account_emails SET address_key = NULL",
    "no recipient": "UPDATE outbox SET recipient_key = ''",
    "a token twice": "INSERT INTO single_use_tokens SELECT * FROM single_use_tokens",
    "a time step below zero": "UPDATE second_factors SET last_step = -1",
    "a recovery code twice": "INSERT INTO recovery_codes SELECT * FROM recovery_codes",
    "a guest's cart twice": "INSERT INTO guest_carts (fingerprint, unit_ids, expires_at) SELECT fingerprint, unit_ids,"
    " expires_at FROM guest_carts",
    "a token that is stored as it is": "UPDATE guest_carts SET fingerprint = '0123456789abcdef0123456789abcdef'",
    "two present slugs": "UPDATE slugs SET is_present = TRUE",
    "an empty slug": "UPDATE slugs SET slug = '' WHERE is_present",
    "a unit without a state": "UPDATE line_progress SET state = ''",
    "a cost below zero": "UPDATE line_progress SET cost = -1",
    "a payment without a state": "UPDATE payments SET state = ''",
    "a captured payment of nothing": "UPDATE payments SET captured = 0",
    "a payment of nothing that is due": "UPDATE payments SET state = 'due'",
    "a refund of nothing": "UPDATE refunds SET amount = 0",
    "a refund without a state": "UPDATE refunds SET state = ''",
    "a parcel without a number": "UPDATE parcels SET number = 0",
    "a parcel without a carrier": "UPDATE parcels SET carrier = ''",
    "a fee above the total": "UPDATE orders SET delivery_fee = total + 1",
    "a fee below zero": "UPDATE orders SET delivery_fee = -1",
    "no fee": "UPDATE orders SET delivery_fee = NULL",
    "a returned fee of nothing": "UPDATE delivery_refunds SET amount = 0",
    "a returned fee without a state": "UPDATE delivery_refunds SET state = ''",
    "an online payment before the first": "UPDATE online_payments SET number = 0",
    "an online payment without a provider": "UPDATE online_payments SET provider = ''",
    "an online payment without a reference": "UPDATE online_payments SET reference = ''",
    "an online payment of nothing": "UPDATE online_payments SET amount = 0",
    "more held than the payment": "UPDATE online_payments SET authorised = amount + 1",
    "more captured than held": "UPDATE online_payments SET captured = 1",
    "more refunded than captured": "UPDATE online_payments SET authorised = 5, captured = 5, refunded = 6",
    "more credited than captured": "UPDATE online_payments SET authorised = 5, captured = 5, credited = 6",
    "more released than held": "UPDATE online_payments SET released = 1",
    "attempts below zero": "UPDATE online_payments SET attempts = -1",
    "a payment without a page": "UPDATE online_payments SET page = NULL",
    "a tariff of no kind": "UPDATE delivery_tariffs SET kind = ''",
    "a tariff twice": "UPDATE delivery_tariffs SET kind = 'courier'",
    "a tariff below zero": "UPDATE delivery_tariffs SET price = -1",
    "a nameless event": "UPDATE order_history SET event = ''",
    "a picture twice": "UPDATE product_pictures SET digest = (SELECT max(digest) FROM product_pictures)",
    "a place of two pictures": "UPDATE product_pictures SET position = 2",
    "a 21st picture": "UPDATE product_pictures SET position = position + 19",
    "a picture before the first": "UPDATE product_pictures SET position = position - 1",
    "a picture without pixels": "UPDATE product_pictures SET width = 0",
    "half a digest": "UPDATE product_pictures SET digest = 'ab'",
    "a view of nothing": "UPDATE product_views SET product_id = NULL",
    "an event of no subject": "UPDATE events SET subject = ''",
    "an event before the first version": "UPDATE events SET version = 0",
    "an event that neither was nor was not dispatched": "UPDATE events SET dispatched = NULL",
    "a subscriber with two targets": "UPDATE event_subscriptions SET url = 'https://erp.example'",
    "a subscriber without a target": "UPDATE event_subscriptions SET service = NULL",
    "a service twice": "INSERT INTO event_subscriptions"
    " (service, secret, previous_secret, events, active, created_at, failures, lease)"
    " SELECT service, secret, previous_secret, events, active, created_at, failures, lease FROM event_subscriptions",
    "failures below zero": "UPDATE event_subscriptions SET failures = -1",
    "takings below zero": "UPDATE event_subscriptions SET lease = -1",
    "a delivery twice": "INSERT INTO event_deliveries SELECT * FROM event_deliveries",
    "a delivery with less than no attempt": "UPDATE event_deliveries SET attempts = -1",
    "a key twice": "INSERT INTO idempotency_keys SELECT * FROM idempotency_keys",
}


@pytest.fixture(scope="module", params=PERSISTENT)
def full(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[CheckoutScene]:
    """A shop with a row in every table."""
    with PERSISTENT[request.param](tmp_path_factory.mktemp("full")) as store:
        buying = checkout_scene(store)
        scene, buyer = buying.scene, buying.buyer
        subscribe_service(scene.shop, OPERATOR, "warehouse")
        buying.check_out()
        [order] = buying.orders()
        pay(scene, order)
        cancel(scene, order, buying.units[0])
        for way in WAYS:
            move(scene, order, way)
        delivered = delivered_to(scene, name="boris")
        pay(scene, delivered)
        cancel(scene, delivered)
        asked = bought(scene, "vera")
        started(scene, Bank(), asked)
        product = buying.store.read(lambda tx: tx.products.after(0, 1))[0]
        wishlists.add_to_wishlist(scene.shop, OPERATOR, buyer, product.id, None)
        scene.fill_cart(buyer, *buying.units)
        add_to_guest_cart(scene.shop, ANONYMOUS, None, buying.units[0])
        scene.change_user(buyer, referrer_id=buyer)
        for address in ("anna@shop.example", "other@shop.example"):
            change = EmailChange(email=address, password=PASSWORD)
            change_email(scene.shop, OPERATOR, buyer, change, "en")
            token = deliver(scene.shop)[0].parameters["token"]
            if address.startswith("anna"):
                verify_email(scene.shop, token, "en")
        change_email(scene.shop, OPERATOR, buyer, change, "en")
        for number in (1, 2):
            add_picture(scene.shop, OPERATOR, product.id, StoredPicture(f"{number:048}", 1, 1))
        store.write(lambda tx: tx.view_history.note([(buyer, product.id)]))
        turning_on(scene.shop, buyer)
        dispatch_events(scene.shop, OPERATOR)
        category(scene, "Below", category(scene, "Above"))
        store.write(lambda tx: tx.products.save_many([attrs.evolve(product, name="Renamed")]))
        with store.engine.begin() as connection:
            connection.exec_driver_sql("UPDATE users SET gender_id = (SELECT max(id) FROM genders)")
        yield buying


@pytest.fixture
def connection(full: CheckoutScene) -> Iterator[Connection]:
    """A connection to the database of `full`. It is rolled back at the end."""
    with full.store.engine.connect() as connection:
        connection.begin()
        yield connection
        connection.rollback()


def require_refusal(write: Callable[[], object]) -> None:
    """Asserts that the database refuses the write. A violated unique key is `RunAgain`."""
    with pytest.raises((IntegrityError, RunAgain)):
        write()


@pytest.mark.parametrize(("name", "columns"), REFERENCES, ids=str)
def test_nothing_refers_to_what_is_not_there(connection: Connection, name: str, columns: tuple[str, ...]) -> None:
    """SQLite checks foreign keys only after a PRAGMA."""
    table = metadata.tables[name]
    assert connection.scalar(select(func.count()).select_from(table).where(table.c[columns[0]].is_not(None)))
    require_refusal(lambda: connection.execute(update(table).values({columns[0]: UNKNOWN_ID})))


@pytest.mark.parametrize(
    "name", ["users", "products", "product_units", "sizes", "carts", "orders", "promo_codes", "second_factors"]
)
def test_what_is_referred_to_stays(connection: Connection, name: str) -> None:
    require_refusal(lambda: connection.execute(delete(metadata.tables[name])))


@pytest.mark.parametrize("law", LAWS)
def test_no_row_breaks_a_law(connection: Connection, law: str) -> None:
    require_refusal(lambda: connection.execute(text(LAWS[law])))


def test_numbers_are_kept_as_large_as_the_shop_has_them(connection: Connection) -> None:
    """Ids, prices and counts have 53 bits. SQLite stores them in any column, PostgreSQL's INTEGER does not."""
    percentages = {"personal_discount", "discount_percentage", "promo_discount_percentage"}
    counts = {"position", "number", "parcel_number", "payment_number"}
    numbers = {
        connection.dialect.type_compiler_instance.process(column.type)
        for table in metadata.sorted_tables
        for column in table.columns
        if isinstance(column.type, Integer) and column.name not in percentages | counts
    }
    for kind in numbers:
        assert connection.scalar(text(f"SELECT CAST({MAX_ID} AS {kind})")) == MAX_ID


def test_a_failed_write_takes_the_transaction_with_it_also_if_the_work_goes_on(full: CheckoutScene) -> None:
    """After a failed statement SQLite would continue and commit the rest. PostgreSQL would refuse all further
    statements.
    """
    before = full.rows()

    def work(tx: Transaction) -> None:
        [unit] = tx.units.get_many(full.units[:1]).values()
        tx.users.save(attrs.evolve(tx.users.after(0, 1_000)[0], first_name="Changed"))
        with suppress(IntegrityError):
            tx.units.save_many([attrs.evolve(unit, stock=-1)])

    with pytest.raises(IntegrityError):
        full.store.write(work)
    assert full.rows() == before


def test_ids_are_unique_and_rise_whatever_was_rolled_back(connection: Connection) -> None:
    """PostgreSQL leaves gaps after a rollback, SQLite does not. Neither assigns an id twice."""
    brands = metadata.tables["brands"]
    highest = connection.scalar(select(func.max(brands.c.id)))
    assert highest is not None
    assert connection.execute(insert(brands).values(name="new").returning(brands.c.id)).scalar_one() > highest


def test_a_time_that_means_no_moment_is_a_mistake_of_ours_and_no_trouble_of_the_databases(full: CheckoutScene) -> None:
    """An invalid parameter is an error of the caller. It must not be reported as a damaged row."""
    naive = datetime(2026, 3, 1)  # noqa: DTZ001 - the fault of this test
    with pytest.raises(ValueError, match="aware"):
        full.store.write(lambda tx: tx.counters.delete_ended(naive, 9))
