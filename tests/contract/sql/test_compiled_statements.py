"""A read runs as many statements for 50 rows as for one, so there is no N+1 problem."""

from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event, text

from sellout_adapters.sql import SqlStore
from sellout_adapters.sql.session.compiled import compiled
from sellout_adapters.testing.scene import Scene, checkout_request, product_entry, shoe_size, unit_entry
from sellout_core.people.accounts import OPERATOR, Actor
from sellout_core.use_cases.catalogue import browsing
from sellout_core.use_cases.people import users
from sellout_core.use_cases.shopping import carts, checkout, orders, wishlists
from sellout_core.values import ProductId, UserId
from tests.contract.conftest import PERSISTENT, postgresql_store

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

MANY = 50


class SqlScene(Scene):
    """A scene that records the statements of its store."""

    def __init__(self, store: SqlStore) -> None:
        super().__init__(store)
        self.engine = store.engine

    @contextmanager
    def counted(self) -> Iterator[list[str]]:
        """Records the statements within the context, without those that begin and end transactions."""
        statements: list[str] = []

        def note(*arguments: Any) -> None:
            if not arguments[2].startswith(("BEGIN", "COMMIT", "ROLLBACK")):
                statements.append(arguments[2])

        event.listen(self.engine, "before_cursor_execute", note)
        try:
            yield statements
        finally:
            event.remove(self.engine, "before_cursor_execute", note)


def grow(scene: SqlScene, rows: int) -> Actor:
    """Adds this number of rows of everything, which all belong to one user. Returns the user."""
    anna, her = scene.actor("anna")
    for n in range(rows):
        product, _ = scene.sell(
            product_entry(
                f"p{n}",
                unit_entry(10 + n, shoe_size("41")),
                unit_entry(20 + n, shoe_size("42")),
                brands=(f"brand {n}", "Nike"),
            )
        )
        units = scene.store.read(lambda tx, p=product: tx.units.of_products([p.id]))  # type: ignore[misc]
        wishlists.add_to_wishlist(scene.shop, her, anna, product.id, None)
        browsing.view_card(scene.shop, her, product.id, anna)
        scene.fill_cart(anna, units[0].id)
        buyer = scene.user(f"buyer{n}")
        address = scene.address(buyer)
        scene.fill_cart(buyer, units[1].id)
        scene.promo_code(f"CODE{n}", buyer)
        checkout.check_out(scene.shop, OPERATOR, buyer, checkout_request(address, units[1].id, promo_code=f"CODE{n}"))
        scene.fill_cart(anna, units[1].id)
        her_address = scene.address(anna) if n == 0 else users.read_addresses(scene.shop, her, anna)[0].id
        checkout.check_out(scene.shop, her, anna, checkout_request(her_address, units[1].id))
    return her


READS: dict[str, Callable[[Any, Actor, UserId], object]] = {
    "page": lambda shop, actor, _: browsing.read_page(shop, actor, 1, 100),
    "products": lambda shop, _, __: browsing.read_products(shop, OPERATOR, lambda _: None),
    "units": lambda shop, actor, _: browsing.read_units(shop, actor, ProductId(1)),
    "wishlist": wishlists.read_wishlist,
    "cart": carts.read_cart,
    "orders": lambda shop, _, __: orders.read_orders(shop, OPERATOR, lambda _: None),
    "user_orders": lambda shop, actor, user: orders.read_user_orders(shop, actor, user, lambda _: None),
    "users": lambda shop, _, __: users.read_users(shop, OPERATOR, lambda _: None),
    "last_viewed": users.read_last_viewed,
}


@pytest.fixture(scope="module", params=PERSISTENT)
def shops(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[int, tuple[SqlScene, Actor]]]:
    """A shop with one row of everything, and a shop with many."""
    with ExitStack() as stack:
        grown = {}
        for rows in (1, MANY):
            store = stack.enter_context(PERSISTENT[request.param](tmp_path_factory.mktemp("shop")))
            scene = SqlScene(store)
            grown[rows] = scene, grow(scene, rows)
        yield grown


def statements_of(read: str, scene: SqlScene, actor: Actor) -> int:
    """The number of statements of a read, after the reference tables are cached."""
    assert actor.user_id is not None
    READS[read](scene.shop, actor, actor.user_id)
    with scene.counted() as statements:
        READS[read](scene.shop, actor, actor.user_id)
    return len(statements)


@pytest.mark.parametrize("read", READS)
def test_a_read_issues_as_many_statements_for_many_rows_as_for_one(
    read: str, shops: dict[int, tuple[SqlScene, Actor]]
) -> None:
    """The number depends on the read alone, and is at most 5."""
    one, many = statements_of(read, *shops[1]), statements_of(read, *shops[MANY])
    assert one == many
    assert 1 <= one <= 5


@pytest.mark.parametrize("kind", PERSISTENT)
def test_the_same_statement_is_the_same_object_each_time(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A new statement object would be compiled again, which takes longer than the query."""
    made: defaultdict[tuple[str, tuple[str, ...]], set[Any]] = defaultdict(set)

    def noted(statement: Any, dialect: Any, names: tuple[str, ...], **options: Any) -> Any:
        ready = compiled(statement, dialect, names, **options)
        made[ready.sql, names].add(statement)
        return ready

    monkeypatch.setattr("sellout_adapters.sql.session.session.compiled", noted)
    with PERSISTENT[kind](tmp_path) as store:
        scene = SqlScene(store)
        actor = grow(scene, 3)
        buyer_id = actor.user_id
        assert buyer_id is not None
        for read in READS.values():
            read(scene.shop, actor, buyer_id)
    assert len(made) > 30
    assert [sql for (sql, _), statements in made.items() if len(statements) > 1] == []


def test_the_views_of_many_are_noted_at_once(shops: dict[int, tuple[SqlScene, Actor]]) -> None:
    """PostgreSQL takes two statements: one finds the rows that are not locked, one updates them. SQLite takes one for
    each view.
    """
    scene, _ = shops[MANY]
    users = scene.store.read(lambda tx: tx.users.after(0, MANY))
    views = [browsing.ViewEvent(OPERATOR, user.id, ProductId(MANY)) for user in users]
    with scene.counted() as statements:
        assert browsing.note_views(scene.shop, views) == []
    assert len(statements) == (1 + len(views) if scene.engine.dialect.name == "sqlite" else 2)


def test_expired_rows_are_found_by_a_plan_of_their_own(tmp_path: Path) -> None:
    """PostgreSQL keeps the plan of a prepared statement. A plan from when a table was small would read all of the
    table.
    """
    with postgresql_store(tmp_path) as store:
        for _ in range(10):
            store.write(lambda tx: tx.users.for_update(UserId(1)))
            store.write(lambda tx: tx.sessions.delete_expired(EPOCH, 1))
            store.write(lambda tx: tx.idempotency.delete_expired(EPOCH, 1))
            store.write(lambda tx: tx.counters.delete_ended(EPOCH, 1))
        with store.engine.connect() as connection:
            prepared = connection.scalars(text("SELECT statement FROM pg_prepared_statements")).all()
    assert prepared
    assert [statement for statement in prepared if "DELETE" in statement] == []
