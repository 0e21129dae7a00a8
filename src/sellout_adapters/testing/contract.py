"""The laws of `sellout_core.ports`, as tests that any store must pass.

Subclass `StoreContract` in a test module and give it a fixture `store`, an empty shop for each test.
"""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from typing import Any

import attrs

from sellout_adapters.extras import MissingExtra
from sellout_adapters.testing.agreeing import AgreedContract
from sellout_adapters.testing.counting import CountContract
from sellout_adapters.testing.harness import pytest
from sellout_adapters.testing.listing import ListContract
from sellout_adapters.testing.paging import PageContract
from sellout_adapters.testing.races import RACERS, RaceContract, racing, take
from sellout_adapters.testing.scene import Scene, checkout_request, product_entry, shoe_size, unit_entry
from sellout_adapters.testing.searching import SearchContract
from sellout_adapters.testing.stocking import StockContract
from sellout_core import errors
from sellout_core.accounts import OPERATOR, Actor, Address, Credentials, NewAddress, NewUser, Session, User
from sellout_core.catalogue import (
    NO_SIZE,
    PENDING,
    NewProduct,
    NewProductUnit,
    NewSize,
    Product,
    ProductUnit,
    ReferenceNames,
)
from sellout_core.ordering import NewOrder, NewPromoCode, OrderLine
from sellout_core.ports.shopping import KeptAnswer
from sellout_core.ports.store import Store, Transaction
from sellout_core.use_cases.browsing import read_units
from sellout_core.use_cases.checkout import check_out
from sellout_core.use_cases.orders import read_user_orders
from sellout_core.use_cases.wishlists import add_to_wishlist
from sellout_core.values import (
    AddressId,
    Money,
    OrderId,
    Percentage,
    ProductId,
    ProductUnitId,
    SessionId,
    SizeId,
    UserId,
    WishlistUnitId,
)

try:
    from sellout_adapters.testing.generated import GeneratedContract
except MissingExtra as error:
    missing = error

    class GeneratedContract:  # type: ignore[no-redef]
        """Fails in place of the laws on generated data, which need Hypothesis."""

        def test_laws_on_generated_data(self) -> None:
            raise missing


NOW = datetime(2026, 3, 1, 12, 0, 0, 123_456, UTC)
NOBODY = [0, -1, 2**31, 2**53, 2**63, 2**64, 10**30]
TEXTS = [
    "Проспект Мира 111",
    "👟🏽",
    "e\u0301 and é",
    "  spaces  ",
    "'; DROP TABLE users; --",
    "a\nb\tc",
    "\u202e",
    "%_\\",
]


def new_user(username: str, **other: Any) -> NewUser:
    """A user to store."""
    plain = NewUser(username=username, first_name="", last_name="", email="", joined_at=NOW)
    return attrs.evolve(plain, **other)


class StoreContract(
    AgreedContract,
    GeneratedContract,
    RaceContract,
    CountContract,
    ListContract,
    PageContract,
    SearchContract,
    StockContract,
):
    """What `ports` promises. Every test gets an empty store and never asks which."""

    # Transactions

    def test_an_exception_rolls_everything_back_and_passes_through(self, store: Store) -> None:
        class Stop(BaseException):
            pass

        stop = Stop()

        def work(tx: Transaction) -> None:
            user = tx.users.add(new_user("anna"), "hash")
            tx.carts.create(user.id)
            tx.addresses.add(user.id, NewAddress("street", ""))
            tx.references.ensure(ReferenceNames(brands=frozenset({"Nike"})))
            raise stop

        with pytest.raises(Stop) as caught:
            store.write(work)
        assert caught.value is stop
        assert store.read(lambda tx: tx.users.after(0, 1_000)) == []
        assert store.read(lambda tx: tx.credentials.by_username("anna")) is None
        assert list(store.read(lambda tx: tx.references.snapshot()).brands) == []
        assert store.write(lambda tx: tx.users.add(new_user("anna"), "hash")).username == "anna"

    def test_a_rolled_back_reference_is_never_seen_under_the_id_it_had(self, store: Store) -> None:
        def fails(tx: Transaction) -> None:
            tx.references.ensure(ReferenceNames(brands=frozenset({"Lost"})))
            raise errors.NotFound

        with pytest.raises(errors.NotFound):
            store.write(fails)
        scene = Scene(store)
        product, _ = scene.sell(product_entry("one", brands=("Kept",)))
        references = store.read(lambda tx: tx.references.snapshot())
        assert [references.brands[brand_id].name for brand_id in product.brand_ids] == ["Kept"]

    def test_a_reader_keeps_the_state_it_began_with(self, store: Store) -> None:
        def work(tx: Transaction) -> tuple[int, int]:
            before = len(tx.users.after(0, 1_000))
            writer = threading.Thread(target=lambda: store.write(lambda tx: tx.users.add(new_user("anna"), "hash")))
            writer.start()
            writer.join()
            return before, len(tx.users.after(0, 1_000))

        assert store.read(work) == (0, 0)
        assert len(store.read(lambda tx: tx.users.after(0, 1_000))) == 1

    def test_nobody_sees_what_is_not_committed(self, store: Store) -> None:
        def work(tx: Transaction) -> int:
            tx.users.add(new_user("anna"), "hash")
            with ThreadPoolExecutor(1) as pool:
                return pool.submit(lambda: len(store.read(lambda other: other.users.after(0, 1_000)))).result()

        assert store.write(work) == 0

    def test_writers_lose_no_update(self, store: Store) -> None:
        user = store.write(lambda tx: tx.users.add(new_user("anna"), "hash"))

        def spend(_: int) -> None:
            def work(tx: Transaction) -> None:
                found = tx.users.for_update(user.id)
                assert found is not None
                tx.users.save(attrs.evolve(found, purchased_total=Money(found.purchased_total + 1)))

            for _ in range(5):
                store.write(work)

        racing(RACERS, spend)
        assert store.read(lambda tx: tx.users.get_many([user.id]))[user.id].purchased_total == 5 * RACERS

    def test_a_transaction_is_dead_once_its_work_has_ended(self, store: Store) -> None:
        kept: list[Transaction] = []
        store.read(kept.append)
        store.write(kept.append)
        for tx in kept:
            with pytest.raises(Exception):
                tx.users.after(0, 1_000)

    def test_work_gives_back_what_it_returns(self, store: Store) -> None:
        assert store.read(lambda _: "read") == "read"
        assert store.write(lambda _: "written") == "written"

    # Users, addresses, sessions

    def test_a_user_comes_back_as_stored(self, store: Store) -> None:
        for number, text in enumerate(TEXTS):
            everything = NewUser(
                username=f"{text}{number}",
                first_name=text,
                last_name=text,
                email="anna@mail.ru",
                gender_id=None,
                is_staff=True,
                is_superuser=True,
                is_active=False,
                joined_at=NOW,
                last_login=NOW + timedelta(microseconds=1),
                purchased_total=Money(10**15),
                personal_discount=Percentage(100),
                referral_link=text,
                preferred_size_grid="EU",
            )
            stored = store.write(lambda tx, new=everything: tx.users.add(new, "hash"))  # type: ignore[misc]
            assert stored == User.of(stored.id, everything)
            assert store.read(lambda tx, user=stored: tx.users.get_many([user.id])) == {stored.id: stored}  # type: ignore[misc]
        assert [user.first_name for user in store.read(lambda tx: tx.users.after(0, 1_000))] == TEXTS

    def test_times_come_back_in_utc_to_the_microsecond(self, store: Store) -> None:
        user = store.write(lambda tx: tx.users.add(new_user("anna"), "hash"))
        found = store.read(lambda tx: tx.users.get_many([user.id]))[user.id]
        assert (found.joined_at, found.joined_at.utcoffset()) == (NOW, timedelta(0))

    @pytest.mark.parametrize("other", ["ANNA", "anna", "Anna"])
    def test_usernames_are_unique_whatever_their_case(self, store: Store, other: str) -> None:
        user = store.write(lambda tx: tx.users.add(new_user("anna"), "hash"))
        with pytest.raises(errors.UsernameTaken):
            store.write(lambda tx: tx.users.add(new_user(other), "hash"))
        found = store.read(lambda tx: tx.credentials.by_username(other))
        assert found is not None
        assert (found.user_id, found.password_hash, found.is_active) == (user.id, "hash", True)

    @pytest.mark.parametrize(("one", "other"), [("STRASSE", "straße"), ("Ёлка", "ёЛКА"), ("e\u0301", "É")])
    def test_case_is_folded_in_every_script(self, store: Store, one: str, other: str) -> None:
        store.write(lambda tx: tx.users.add(new_user(one), "hash"))
        with pytest.raises(errors.UsernameTaken):
            store.write(lambda tx: tx.users.add(new_user(other), "hash"))

    def test_of_users_racing_for_a_name_one_gets_it(self, store: Store) -> None:
        results = racing(RACERS, lambda _: store.write(lambda tx: tx.users.add(new_user("anna"), "hash")))
        assert sorted(type(result).__name__ for result in results) == ["User"] + ["UsernameTaken"] * (RACERS - 1)
        assert len(store.read(lambda tx: tx.users.after(0, 1_000))) == 1

    def test_saving_a_user_writes_everything_but_the_address_book(self, store: Store) -> None:
        def work(tx: Transaction) -> User:
            user = tx.users.add(new_user("anna"), "hash")
            address = tx.addresses.add(user.id, NewAddress("street", "1"))
            changed = attrs.evolve(
                user,
                username="Ann",
                first_name="A",
                is_staff=True,
                is_active=False,
                last_login=NOW,
                last_viewed=(ProductId(3), ProductId(1)),
                personal_discount=Percentage(7),
                addresses=(),
            )
            tx.users.save(changed)
            return attrs.evolve(changed, addresses=(address,))

        expected = store.write(work)
        assert store.read(lambda tx: tx.users.after(0, 1_000)) == [expected]
        assert store.read(lambda tx: tx.credentials.by_username("anna")) is None
        found = store.read(lambda tx: tx.credentials.by_username("ANN"))
        assert found is not None
        assert (found.password_hash, found.is_active) == ("hash", False)

    def test_views_are_noted_as_a_user_has_them(self, store: Store) -> None:
        """Without reading first, and so without losing what others note."""
        user = store.write(lambda tx: tx.users.add(new_user("anna"), "hash"))
        user_id, expected = user.id, user
        for number in (5, 1, 2, 3, 4, 5, 5, 10**15, 6, 7, 8, 1, 2):
            store.write(lambda tx, n=number: tx.views.note([(user_id, ProductId(n))]))  # type: ignore[misc]
            expected = expected.having_viewed(ProductId(number))
            assert store.read(lambda tx: tx.users.get_many([user_id])) == {user_id: expected}
        for nobody in NOBODY:
            store.write(lambda tx, n=nobody: tx.views.note([(UserId(n), ProductId(1))]))  # type: ignore[misc]
        assert len(store.read(lambda tx: tx.users.after(0, 9))) == 1

    def test_views_of_many_are_noted_in_the_order_given(self, store: Store) -> None:
        anna, boris = (store.write(lambda tx, name=name: tx.users.add(new_user(name), "hash")) for name in ("a", "b"))  # type: ignore[misc]
        views = [(anna, 1), (boris, 9), (anna, 2), (anna, 2), (anna, 1), (boris, 2), (anna, 3), (boris, 9)]
        expected = {anna.id: anna, boris.id: boris}
        for user, number in views:
            expected[user.id] = expected[user.id].having_viewed(ProductId(number))
        given = [(user.id, ProductId(number)) for user, number in views]
        store.write(lambda tx: tx.views.note([*given, *((UserId(n), ProductId(1)) for n in NOBODY)]))
        store.write(lambda tx: tx.views.note([]))
        assert store.read(lambda tx: tx.users.get_many(list(expected))) == expected

    def test_whoever_exists_and_is_held_by_nobody_is_free(self, store: Store) -> None:
        anna, boris = (store.write(lambda tx, name=name: tx.users.add(new_user(name), "hash")) for name in ("a", "b"))  # type: ignore[misc]
        asked = [boris.id, anna.id, *(UserId(n) for n in NOBODY)]
        assert set(store.write(lambda tx: tx.views.free(asked))) == {anna.id, boris.id}
        assert not store.write(lambda tx: tx.views.free([]))

    def test_of_views_noted_at_once_none_is_lost(self, store: Store) -> None:
        user = store.write(lambda tx: tx.users.add(new_user("anna"), "hash"))
        seven = list(range(1, 8))
        racing(7, lambda n: store.write(lambda tx: tx.views.note([(user.id, ProductId(seven[n]))])))
        found = store.read(lambda tx: tx.users.get_many([user.id]))[user.id]
        assert sorted(found.last_viewed) == seven

    def test_a_user_cannot_take_a_name_by_saving(self, store: Store) -> None:
        anna = store.write(lambda tx: tx.users.add(new_user("anna"), "hash"))
        store.write(lambda tx: tx.users.add(new_user("boris"), "hash"))
        with pytest.raises(errors.UsernameTaken):
            store.write(lambda tx: tx.users.save(attrs.evolve(anna, username="BORIS")))

    def test_what_does_not_exist_is_left_out(self, store: Store) -> None:
        def work(tx: Transaction) -> list[Any]:
            return [
                tx.users.get_many([UserId(i) for i in NOBODY]),
                tx.products.get_many([ProductId(i) for i in NOBODY]),
                tx.products.by_sku(["none"]),
                tx.cards.get_many([ProductId(i) for i in NOBODY], UserId(NOBODY[-1])),
                tx.sizes.get_many([SizeId(i) for i in NOBODY]),
                tx.units.get_many([ProductUnitId(i) for i in NOBODY]),
                tx.units.cheapest([SizeId(i) for i in NOBODY]),
                tx.users.get_many([]),
            ]

        def one_by_one(tx: Transaction) -> list[Any]:
            return [
                found
                for i in NOBODY
                for found in (
                    tx.users.for_update(UserId(i)),
                    tx.wishlists.unit(WishlistUnitId(i)),
                    tx.orders.get(OrderId(i)),
                    tx.carts.of(UserId(i)),
                )
            ]

        assert store.read(work) == [{}] * 8
        assert set(store.write(one_by_one)) == {None}
        assert not any(store.read(lambda tx, i=i: tx.orders.of(UserId(i))) for i in NOBODY)  # type: ignore[misc]
        assert not any(store.read(lambda tx, i=i: tx.wishlists.of(UserId(i)).units) for i in NOBODY)  # type: ignore[misc]

    def test_an_address_book_keeps_order_and_ids_are_never_given_again(self, store: Store) -> None:
        user = store.write(lambda tx: tx.users.add(new_user("anna"), "hash"))

        def add(text: str) -> Address:
            return store.write(lambda tx: tx.addresses.add(user.id, NewAddress(text, "308033")))

        book = [add(text) for text in TEXTS]
        assert [address.address for address in book] == TEXTS
        store.write(lambda tx: tx.addresses.delete(book[-1].id))
        again = add("again")
        assert again.id > book[-1].id
        edited = Address(book[0].id, "edited", "")
        store.write(lambda tx: tx.addresses.save(edited))
        found = store.read(lambda tx: tx.users.get_many([user.id]))[user.id]
        assert found.addresses == (edited, *book[1:-1], again)
        assert store.read(lambda tx: tx.users.after(0, 1_000))[0].addresses == found.addresses

    def test_a_session_acts_with_todays_rights(self, store: Store) -> None:
        user = store.write(lambda tx: tx.users.add(new_user("anna"), "hash"))
        session = Session(SessionId("0123456789abcdef"), user.id, "print", NOW)
        store.write(lambda tx: tx.sessions.add(session))

        def actor(user_id: int = user.id) -> Actor | None:
            return store.read(lambda tx: tx.sessions.actor(session.id, UserId(user_id)))

        assert actor() == Actor(user.id, is_staff=False)
        assert all(actor(other) is None for other in [user.id + 1, *NOBODY])
        store.write(lambda tx: tx.users.save(attrs.evolve(user, is_staff=True)))
        assert actor() == Actor(user.id, is_staff=True)
        store.write(lambda tx: tx.users.save(attrs.evolve(user, is_active=False)))
        assert actor() is None
        assert store.read(lambda tx: tx.sessions.actor(SessionId("none"), user.id)) is None

    def test_sessions_are_saved_revoked_and_expire(self, store: Store) -> None:
        user = store.write(lambda tx: tx.users.add(new_user("anna"), "hash"))
        names = ["a" * 16, "b" * 16, "c" * 16]
        sessions = [
            Session(SessionId(name), user.id, name, NOW + timedelta(seconds=second))
            for second, name in enumerate(names)
        ]
        for session in sessions:
            store.write(lambda tx, new=session: tx.sessions.add(new))  # type: ignore[misc]
        rotated = attrs.evolve(sessions[2], refresh_fingerprint="fresh", expires_at=NOW + timedelta(days=1))
        store.write(lambda tx: tx.sessions.save(rotated))
        store.write(lambda tx: tx.sessions.delete_of(user.id, expired_by=NOW))
        found = [store.write(lambda tx, name=name: tx.sessions.for_update(SessionId(name))) for name in names]  # type: ignore[misc]
        assert found == [None, sessions[1], rotated]
        store.write(lambda tx: tx.sessions.delete(sessions[1].id))
        store.write(lambda tx: tx.sessions.delete(sessions[1].id))
        assert store.read(lambda tx: tx.sessions.actor(sessions[1].id, user.id)) is None
        assert store.read(lambda tx: tx.sessions.actor(rotated.id, user.id)) == Actor(user.id)

    def test_all_of_a_users_sessions_are_revoked_at_once(self, store: Store) -> None:
        anna, boris = (store.write(lambda tx, name=name: tx.users.add(new_user(name), "hash")) for name in ("a", "b"))  # type: ignore[misc]
        owners = {SessionId("a" * 16): anna, SessionId("b" * 16): anna, SessionId("c" * 16): boris}
        for name, owner in owners.items():
            session = Session(name, owner.id, "print", NOW + timedelta(days=1))
            store.write(lambda tx, new=session: tx.sessions.add(new))  # type: ignore[misc]
        store.write(lambda tx: tx.sessions.delete_of(anna.id))
        left = [name for name, owner in owners.items() if store.read(lambda tx: tx.sessions.actor(name, owner.id))]  # noqa: B023
        assert left == ["c" * 16]

    def test_credentials_are_changed_without_anything_else(self, store: Store) -> None:
        anna = store.write(lambda tx: tx.users.add(new_user("anna"), "hash"))
        boris = store.write(lambda tx: tx.users.add(new_user("boris"), "other"))
        store.write(lambda tx: tx.credentials.save(anna.id, "fresh"))
        expected = Credentials(anna.id, "fresh", is_active=True)
        assert store.read(lambda tx: tx.credentials.of(anna.id)) == expected
        assert store.read(lambda tx: tx.credentials.by_username("ANNA")) == expected
        assert store.read(lambda tx: tx.credentials.of(boris.id)) == Credentials(boris.id, "other", is_active=True)
        assert all(store.read(lambda tx, other=other: tx.credentials.of(UserId(other))) is None for other in NOBODY)  # type: ignore[misc]
        assert store.read(lambda tx: tx.users.after(0, 1_000)) == [anna, boris]

    # The catalogue

    def test_a_new_store_has_the_rows_that_the_core_names(self, store: Store) -> None:
        references = store.read(lambda tx: tx.references.snapshot())
        assert {row.id: row.name for row in references.genders.values()} == {1: "M", 2: "F"}
        assert {row.id: row.name for row in references.statuses.values()} == {1: "pending"}

    def test_reference_names_are_added_once_in_alphabetical_order(self, store: Store) -> None:
        names = ReferenceNames(
            brands=frozenset({"Puma", "Adidas", "Ёж"}),
            categories=frozenset({"Sport"}),
            tags=frozenset({"b", "B"}),
            genders=frozenset({"U", "M"}),
            platforms=frozenset({("Poizon", "/b"), ("Poizon", "/a")}),
            delivery_types=frozenset({"Самолёт"}),
            currencies=frozenset({"RUB", "CNY"}),
        )
        first = store.write(lambda tx: tx.references.ensure(names))
        again = store.write(lambda tx: tx.references.ensure(attrs.evolve(names, brands=frozenset({"Puma", "Zoo"}))))
        assert [row.name for _, row in sorted(first.brands.items())] == ["Adidas", "Puma", "Ёж"]
        assert [row.name for _, row in sorted(again.brands.items())] == ["Adidas", "Puma", "Ёж", "Zoo"]
        assert sorted(row.name for row in again.tags.values()) == ["B", "b"]
        assert [row.name for _, row in sorted(again.genders.items())] == ["M", "F", "U"]
        assert [row.site for _, row in sorted(again.platforms.items())] == ["/a", "/b"]
        assert all(row_id == row.id for row_id, row in again.currencies.items())
        assert dict(store.read(lambda tx: tx.references.snapshot()).brands) == dict(again.brands)

    def test_a_product_comes_back_as_stored(self, scene: Scene) -> None:
        for number, text in enumerate(TEXTS):
            entry = product_entry(
                f"{text}{number}",
                name=f"x{text}",
                description=text,
                bucket_link=text,
                brands=("Nike", "Adidas", f"x{text}"),
                tags=(),
                gender="U",
                fit=-1,
                rel_num=2**31 - 1,
                available_flag=False,
                add_date=date(1985, 4, 1),
            )
            product, units = scene.sell(entry)
            assert (product.name, product.description, product.bucket_link) == (entry.name, text, text)
            assert (product.fit, product.rel_num, product.available) == (-1, 2**31 - 1, False)
            assert (product.added_on, product.updated_at, units) == (entry.add_date, scene.clock.now, [])
            assert (list(product.brand_ids), len(product.brand_ids)) == (sorted(product.brand_ids), 3)
            assert (len(product.category_ids), product.tag_ids) == (1, ())
            found = scene.store.read(lambda tx, known=product: tx.products.get_many([known.id]))  # type: ignore[misc]
            assert found == {product.id: product}

    def test_products_and_their_links_are_rewritten(self, scene: Scene) -> None:
        before, _ = scene.sell(product_entry("one", brands=("a", "b"), tags=("x",)))
        after, _ = scene.sell(product_entry("one", brands=("b", "c"), tags=(), name="Another"))
        names = scene.store.read(lambda tx: tx.references.snapshot()).brands
        assert before.id == after.id
        assert ([names[brand_id].name for brand_id in after.brand_ids], after.tag_ids) == (["b", "c"], ())
        assert after.name == "Another"

    def test_ids_go_up_in_the_order_given(self, scene: Scene) -> None:
        """Of products, sizes and units alike, and each row has what was given for it."""
        model, _ = scene.sell(product_entry("model", unit_entry(1, shoe_size("41")), tags=("x", "y")))
        new = attrs.asdict(model, recurse=False, filter=lambda field, _: field.name != "id")

        def work(tx: Transaction) -> None:
            [unit] = tx.units.of_products([model.id])
            added = [NewProduct(**new | {"sku": f"p{n * 7 % 50}", "fit": n}) for n in range(50)]
            product_ids = tx.products.add_many(added)
            sizes = tx.sizes.add_many([NewSize(product_id, shoe_size("50")) for product_id in product_ids])
            sold = attrs.asdict(unit, recurse=False, filter=lambda field, _: field.name not in ("id", "size"))
            units = [
                NewProductUnit(
                    **sold | {"product_id": size.product_id, "size_id": size.id, "price": n, "stock": n or None}
                )
                for n, size in enumerate(sizes)
            ]
            unit_ids = tx.units.add_many(units)
            for given in (product_ids, [size.id for size in sizes], unit_ids):
                assert list(given) == sorted(set(given))
                assert len(given) == 50
            assert product_ids[0] > model.id
            assert unit_ids[0] > unit.id
            products = tx.products.get_many(product_ids)
            assert [products[i] for i in product_ids] == [
                Product(id=i, **attrs.asdict(product, recurse=False))
                for i, product in zip(product_ids, added, strict=True)
            ]
            stored = tx.units.get_many(unit_ids)
            assert [stored[i] for i in unit_ids] == [
                ProductUnit.of(i, size, unit) for i, size, unit in zip(unit_ids, sizes, units, strict=True)
            ]
            assert not any((tx.products.add_many([]), tx.units.add_many([]), tx.sizes.add_many([])))

        scene.store.write(work)

    def test_pages_hold_listed_products_by_id_each_once(self, scene: Scene) -> None:
        listed = [
            product.id
            for n in range(23)
            for product, _ in [scene.sell(product_entry(f"p{n}", available_flag=n % 4 != 3))]
            if product.available
        ]
        pages = [scene.store.read(lambda tx, o=offset: tx.cards.page(o, 5, None)) for offset in range(0, 30, 5)]  # type: ignore[misc]
        assert [card.product.id for page in pages for card in page] == listed
        assert [len(page) for page in pages] == [5, 5, 5, 3, 0, 0]
        assert scene.store.read(lambda tx: tx.cards.page(2**53 * 100, 101, None)) == []

    def test_a_card_shows_the_lowest_available_price_and_the_readers_wishlist(self, scene: Scene) -> None:
        entry = product_entry(
            "one",
            unit_entry(5, shoe_size("40"), availability=False),
            unit_entry(9, shoe_size("41")),
            unit_entry(8, shoe_size("42"), stock=1),
            unit_entry(1, shoe_size("43"), stock=0),
        )
        product, _ = scene.sell(entry)
        bare, _ = scene.sell(product_entry("two"))
        (anna, her), boris = scene.actor("anna"), scene.user("boris")
        add_to_wishlist(scene.shop, her, anna, product.id, None)
        for reader, wished in ((anna, True), (boris, False), (None, False)):
            cards = scene.store.read(lambda tx, r=reader: tx.cards.get_many([product.id, bare.id], r))  # type: ignore[misc]
            page = scene.store.read(lambda tx, r=reader: tx.cards.page(0, 5, r))  # type: ignore[misc]
            assert [(c.min_price, c.in_wishlist) for c in page] == [(8, wished), (None, False)]
            assert cards == {card.product.id: card for card in page}

    def test_units_come_back_as_stored_with_their_sizes(self, scene: Scene) -> None:
        entry = product_entry(
            "one",
            unit_entry(10**9, shoe_size("40 ½"), stock=10**9, delivery_type="Поезд"),
            unit_entry(0, currency="CNY", platform="Goat", site="", availability=False),
        )
        product, units = scene.sell(entry)
        references = scene.store.read(lambda tx: tx.references.snapshot())
        assert [(u.price, u.stock, u.available) for u in units] == [(10**9, 10**9, True), (0, None, False)]
        assert [u.size.grid for u in units] == [shoe_size("40 ½"), NO_SIZE]
        assert [u.size.id for u in units] == [u.size_id for u in units]
        assert [references.currencies[u.currency_id].name for u in units] == ["RUB", "CNY"]
        assert [references.platforms[u.platform_id].name for u in units] == ["Poizon", "Goat"]
        assert [references.delivery_types[u.delivery_type_id].name for u in units] == ["Поезд", "Самолёт"]
        assert {u.product_id for u in units} == {product.id}
        assert scene.store.read(lambda tx: tx.units.get_many([u.id for u in units])) == {u.id: u for u in units}

    def test_sizes_are_found_by_id_and_by_product(self, scene: Scene) -> None:
        one, _ = scene.sell(product_entry("one", unit_entry(1, shoe_size("41"))))
        two, _ = scene.sell(product_entry("two"))
        sizes = scene.store.read(lambda tx: tx.sizes.of_products([two.id, one.id]))
        assert [size.grid for size in sizes] == [shoe_size("41"), NO_SIZE, NO_SIZE]
        assert scene.store.read(lambda tx: tx.sizes.get_many([s.id for s in sizes])) == {s.id: s for s in sizes}
        more = scene.store.write(lambda tx: tx.sizes.add_many([NewSize(two.id, shoe_size("50"))]))
        assert [(size.product_id, size.grid) for size in more] == [(two.id, shoe_size("50"))]

    def test_the_cheapest_unit_is_available_and_in_the_size(self, scene: Scene) -> None:
        entry = product_entry(
            "one",
            unit_entry(50, shoe_size("41"), platform="A"),
            unit_entry(40, shoe_size("41"), platform="B"),
            unit_entry(40, shoe_size("41"), platform="C"),
            unit_entry(30, shoe_size("41"), platform="D", availability=False),
            unit_entry(60, shoe_size("42")),
            unit_entry(20, shoe_size("43"), stock=0),
        )
        product, units = scene.sell(entry)
        scene.sell(product_entry("two", unit_entry(1, shoe_size("41"))))
        sizes = scene.store.read(lambda tx: tx.sizes.of_products([product.id]))
        cheapest = scene.store.read(lambda tx: tx.units.cheapest([size.id for size in sizes]))
        by_number = {size.grid.eu: cheapest.get(size.id) for size in sizes}
        assert by_number == {"41": units[1], "42": units[4], "43": None, "0": units[1]}

    # Carts, wishlists, promo codes

    def test_a_cart_is_a_set_in_order_of_entry(self, scene: Scene) -> None:
        anna, boris = scene.user("anna"), scene.user("boris")
        units = [scene.unit(f"p{n}", 10) for n in range(3)]
        added = [scene.store.write(lambda tx, u=u: tx.carts.add(anna, u)) for u in [*reversed(units), units[0]]]  # type: ignore[misc]
        assert added == [True, True, True, False]
        cart = scene.store.read(lambda tx: tx.carts.of(anna))
        other = scene.store.read(lambda tx: tx.carts.of(boris))
        assert cart is not None
        assert other is not None
        assert (cart.unit_ids, other.unit_ids, cart.user_id) == (tuple(reversed(units)), (), anna)
        assert cart.id != other.id
        removed = scene.store.write(lambda tx: tx.carts.remove(anna, [units[1], ProductUnitId(10**15)]))
        assert list(removed) == [units[1]]
        assert list(scene.store.write(lambda tx: tx.carts.remove(boris, units))) == []
        left = scene.store.read(lambda tx: tx.carts.of(anna))
        assert left is not None
        assert left.unit_ids == (units[2], units[0])

    def test_of_transactions_racing_for_a_unit_in_a_cart_one_gets_it(self, scene: Scene) -> None:
        anna, unit = scene.user("anna"), scene.unit("one", 10)
        scene.fill_cart(anna, unit)
        got = racing(RACERS, lambda _: list(scene.store.write(lambda tx: tx.carts.remove(anna, [unit]))))
        assert sorted(got) == [[]] * (RACERS - 1) + [[unit]]

    def test_a_wishlist_keeps_order_sizes_and_owners_apart(self, scene: Scene) -> None:
        anna, boris = scene.user("anna"), scene.user("boris")
        product, _ = scene.sell(product_entry("one", unit_entry(1, shoe_size("41")), unit_entry(2, shoe_size("42"))))
        sizes = scene.store.read(lambda tx: tx.sizes.of_products([product.id]))
        units = [scene.store.write(lambda tx, s=s: tx.wishlists.add(anna, s)) for s in reversed(sizes)]  # type: ignore[misc]
        hers = scene.store.read(lambda tx: tx.wishlists.of(anna))
        assert hers.units == tuple(units)
        assert [unit.size for unit in hers.units] == list(reversed(sizes))
        assert scene.store.read(lambda tx: tx.wishlists.of(boris)).units == ()
        scene.store.write(lambda tx: tx.wishlists.delete(units[-1].id))
        changed = attrs.evolve(units[0], size=sizes[0])
        scene.store.write(lambda tx: tx.wishlists.save(changed))
        assert scene.store.read(lambda tx: tx.wishlists.unit(changed.id)) == changed
        assert scene.store.read(lambda tx: tx.wishlists.of(anna)).units == (changed, units[1])
        again = scene.store.write(lambda tx: tx.wishlists.add(anna, sizes[2]))
        assert again.id > max(unit.id for unit in units)

    def test_a_promo_code_comes_back_as_stored_whatever_the_case(self, scene: Scene) -> None:
        new = NewPromoCode(
            code="Лето-25",
            owner_id=scene.user("owner"),
            discount_percentage=Percentage(100),
            discount_absolute=Money(10**9),
            activation_count=3,
            max_activation_count=4,
            active=False,
            active_until=date(2099, 12, 31),
        )
        stored = scene.store.write(lambda tx: tx.promo_codes.add(new))
        assert attrs.asdict(stored) == {**attrs.asdict(new), "id": stored.id}
        for spelling in ("Лето-25", "лЕТО-25"):
            assert scene.store.read(lambda tx, code=spelling: tx.promo_codes.by_code(code)) == stored  # type: ignore[misc]
        assert scene.store.read(lambda tx: tx.promo_codes.by_code("Лето-26")) is None
        with pytest.raises(errors.PromoCodeTaken):
            scene.store.write(lambda tx: tx.promo_codes.add(attrs.evolve(new, code="ЛЕТО-25")))

    def test_activations_never_pass_the_maximum(self, scene: Scene) -> None:
        code = scene.promo_code("SALE", scene.user("owner"), activation_count=7, max_activation_count=10)
        got = racing(RACERS, lambda _: scene.store.write(lambda tx: tx.promo_codes.activate(code.id)))
        counts = [after.activation_count if after else 0 for after in got]
        assert sorted(counts) == [0] * (RACERS - 3) + [8, 9, 10]
        stored = scene.store.read(lambda tx: tx.promo_codes.by_code("SALE"))
        assert stored is not None
        assert stored.activation_count == 10

    def test_the_catalogue_has_a_new_version_after_each_change_of_it_and_only_then(self, scene: Scene) -> None:
        """Products and units that are added, written or sold out change it; nothing else does, nor what is undone."""
        store, seen = scene.store, [scene.store.catalogue_version()]
        anna, _ = scene.actor("anna")
        address = scene.address(anna)

        def changed() -> bool:
            assert store.recent_catalogue_version() in (None, store.catalogue_version())
            seen.append(store.catalogue_version())
            return seen[-1] != seen[-2]

        assert not changed()
        entry = product_entry("one", unit_entry(10, shoe_size("41"), stock=2), unit_entry(20, shoe_size("42")))
        _, (limited, on_demand) = scene.sell(entry)
        assert changed()
        scene.sell(entry)
        assert not changed()
        scene.sell(attrs.evolve(entry, name="Another name"))
        assert changed()
        with pytest.raises(ZeroDivisionError):
            store.write(lambda tx: tx.units.save_many([attrs.evolve(limited, price=Money(1))]) or 1 // 0)  # type: ignore[func-returns-value]
        assert not changed()
        scene.promo_code("SALE", anna)
        for expected in (False, True):
            scene.fill_cart(anna, limited.id, on_demand.id)
            check_out(
                scene.shop, Actor(anna), anna, checkout_request(address, limited.id, on_demand.id, promo_code="SALE")
            )
            assert changed() is expected
        assert len(set(seen)) == 4

    def test_what_a_wishlist_holds_is_each_product_once(self, scene: Scene) -> None:
        anna, bert = scene.user("anna"), scene.user("bert")
        first, units = scene.sell(product_entry("one", unit_entry(1, shoe_size("41")), unit_entry(1, shoe_size("42"))))
        second, _ = scene.sell(product_entry("two"))
        for size_id in (units[0].size_id, units[1].size_id, None):
            add_to_wishlist(scene.shop, Actor(anna), anna, first.id, size_id)
        add_to_wishlist(scene.shop, Actor(bert), bert, second.id, None)

        def held(user_id: UserId) -> list[int]:
            return sorted(scene.store.read(lambda tx: tx.wishlists.products_of(user_id)))

        assert (held(anna), held(bert), held(UserId(99))) == ([first.id], [second.id], [])

    def test_stock_never_goes_below_zero_and_what_is_sold_out_is_unavailable(self, scene: Scene) -> None:
        unit = scene.unit("one", 10, stock=3)
        got = racing(RACERS, lambda _: list(scene.store.write(lambda tx: take(tx, unit))))
        assert sorted(got) == [[]] * (RACERS - 3) + [[unit]] * 3
        found = scene.store.read(lambda tx: tx.units.get_many([unit]))[unit]
        assert (found.stock, found.available) == (0, False)

    def test_taking_leaves_what_is_ordered_on_demand_and_what_cannot_be_had(self, scene: Scene) -> None:
        on_demand, gone = scene.unit("one", 10), scene.unit("two", 10, availability=False, stock=5)
        some = scene.unit("three", 10, stock=2)
        assert set(scene.store.write(lambda tx: take(tx, some, gone, on_demand))) == {on_demand, some}
        found = scene.store.read(lambda tx: tx.units.get_many([on_demand, gone, some]))
        assert [(u.stock, u.available) for u in found.values()] == [(None, True), (5, False), (1, True)]

    # Orders and answers

    def test_an_order_comes_back_as_stored_and_keeps_what_was_agreed(self, scene: Scene) -> None:
        (anna, her), owner = scene.actor("anna"), scene.user("owner")
        units = [scene.unit("one", 7), scene.unit("two", 100, stock=5)]
        scene.fill_cart(anna, *units)
        scene.promo_code("Sale", owner)
        address_id = scene.address(anna)
        view = check_out(
            scene.shop,
            her,
            anna,
            checkout_request(address_id, *reversed(units), promo_code="SALE", telephone="+79990001122"),
        )
        order = view.order
        scene.store.write(lambda tx: tx.addresses.delete(address_id))
        scene.store.write(lambda tx: tx.promo_codes.activate(order.promo_code.id))  # type: ignore[union-attr]
        scene.sell(product_entry("one", unit_entry(8, currency="CNY")))
        found = scene.store.read(lambda tx: tx.orders.get(order.id))
        assert found == order
        assert [(line.unit.id, line.unit.price) for line in order.lines] == [(units[1], 100), (units[0], 7)]
        assert (order.total, sum(line.amount for line in order.lines)) == (91, 91)
        assert order.promo_code is not None
        assert (order.promo_code.code, order.promo_code.activation_count) == ("Sale", 1)
        assert order.address == Address(address_id, "Проспект Мира 111", "308033")
        assert [unit.price for unit in read_user_orders(scene.shop, her, anna)[0].units] == [100, 7]

    def test_orders_are_listed_by_id_and_by_buyer(self, scene: Scene) -> None:
        people = [scene.user("anna"), scene.user("boris")]
        product, _ = scene.sell(product_entry("one", unit_entry(7)))
        [unit] = read_units(scene.shop, OPERATOR, product.id)

        def order(buyer: UserId) -> NewOrder:
            return NewOrder(
                buyer_id=buyer,
                placed_at=NOW,
                total=Money(10**12),
                email="a@b.cd",
                telephone="1",
                first_name="A",
                last_name="",
                address=Address(AddressId(99), "gone", ""),
                promo_code=None,
                status_id=PENDING,
                paid=True,
                lines=(OrderLine(unit, Money(7)),),
            )

        stored = [scene.store.write(lambda tx, n=n: tx.orders.add(order(people[n % 2]))) for n in range(4)]  # type: ignore[misc]
        assert scene.store.read(lambda tx: tx.orders.after(0, 1_000)) == stored
        assert [o.id for o in stored] == sorted(o.id for o in stored)
        assert list(scene.store.read(lambda tx: tx.orders.of(people[1]))) == stored[1::2]

    def test_answers_are_their_owners_alone_and_kept_for_a_while(self, scene: Scene) -> None:
        anna, boris = scene.user("anna"), scene.user("boris")
        kept = KeptAnswer("print", b"\x00\xff answer")
        scene.store.write(lambda tx: tx.answers.keep(anna, "key", kept, NOW))

        def find(user_id: UserId, key: str, kept_after: datetime) -> KeptAnswer | None:
            return scene.store.read(lambda tx: tx.answers.find(user_id, key, kept_after))

        before = NOW - timedelta(microseconds=1)
        assert find(anna, "key", before) == kept
        assert [find(anna, "key", NOW), find(boris, "key", before), find(anna, "KEY", before)] == [None] * 3
        scene.store.write(lambda tx: tx.answers.keep(boris, "key", kept, NOW))
        scene.store.write(lambda tx: tx.answers.delete_older(anna, NOW))
        assert [find(anna, "key", before), find(boris, "key", before)] == [None, kept]

    def test_an_answer_takes_the_place_of_one_that_is_kept_no_more(self, scene: Scene) -> None:
        anna, later = scene.user("anna"), NOW + timedelta(days=1)
        for number, at in enumerate((NOW, later)):
            kept = KeptAnswer(f"print {number}", f"answer {number}".encode())
            scene.store.write(lambda tx, new=kept, now=at: tx.answers.keep(anna, "key", new, now))  # type: ignore[misc]
            assert scene.store.read(lambda tx: tx.answers.find(anna, "key", NOW - timedelta(1))) == kept
        scene.store.write(lambda tx: tx.answers.delete_older(anna, NOW))
        assert scene.store.read(lambda tx: tx.answers.find(anna, "key", NOW)) == kept

    # What databases do differently

    def test_a_name_that_is_taken_leaves_the_transaction_whole(self, store: Store) -> None:
        anna = store.write(lambda tx: tx.users.add(new_user("anna"), "hash"))
        boris = store.write(lambda tx: tx.users.add(new_user("boris"), "hash"))
        new = NewPromoCode(code="SALE", owner_id=anna.id, max_activation_count=1, active_until=date(2099, 12, 31))

        def work(tx: Transaction) -> None:
            tx.promo_codes.add(new)
            with pytest.raises(errors.UsernameTaken):
                tx.users.add(new_user("ANNA"), "hash")
            with pytest.raises(errors.UsernameTaken):
                tx.users.save(attrs.evolve(boris, username="ANNA"))
            with pytest.raises(errors.PromoCodeTaken):
                tx.promo_codes.add(attrs.evolve(new, code="sale"))
            tx.users.save(attrs.evolve(boris, first_name="Boris"))

        store.write(work)
        assert [user.first_name for user in store.read(lambda tx: tx.users.after(0, 1_000))] == ["", "Boris"]
        assert store.read(lambda tx: tx.promo_codes.by_code("SALE")) is not None

    @pytest.mark.parametrize("text", ["a\0b", "\0", "\ud800", "x" * 100_000, ""])
    def test_a_text_that_nothing_can_be_called_finds_nothing(self, store: Store, text: str) -> None:
        def work(tx: Transaction) -> list[Any]:
            return [tx.credentials.by_username(text), tx.promo_codes.by_code(text), *tx.products.by_sku([text, "one"])]

        assert store.read(work) == [None, None]
        assert store.write(work) == [None, None]

    def test_ids_go_up_whatever_was_rolled_back(self, store: Store) -> None:
        def fails(tx: Transaction) -> None:
            tx.users.add(new_user("nobody"), "hash")
            raise errors.NotFound

        first = store.write(lambda tx: tx.users.add(new_user("anna"), "hash"))
        with pytest.raises(errors.NotFound):
            store.write(fails)
        second = store.write(lambda tx: tx.users.add(new_user("boris"), "hash"))
        assert first.id < second.id
        assert store.read(lambda tx: tx.users.after(0, 1_000)) == [first, second]

    def test_a_long_site_tells_platforms_apart_by_its_end(self, store: Store) -> None:
        sites = [f"/{'ж' * 1_998}{end}" for end in "ab"]
        names = ReferenceNames(platforms=frozenset(("Poizon", site) for site in sites))
        for _ in range(2):
            rows = store.write(lambda tx: tx.references.ensure(names)).platforms.values()
            assert sorted(row.site for row in rows) == sites

    def test_a_reader_may_ask_as_a_writer_does_and_holds_up_nobody(self, store: Store) -> None:
        user = store.write(lambda tx: tx.users.add(new_user("anna"), "hash"))
        session = Session(SessionId("0123456789abcdef"), user.id, "print", NOW)
        store.write(lambda tx: tx.sessions.add(session))

        def work(tx: Transaction) -> list[Any]:
            found = [tx.users.for_update(user.id), tx.sessions.for_update(session.id)]
            writer = threading.Thread(
                target=lambda: store.write(lambda tx: tx.users.save(attrs.evolve(user, email="x")))
            )
            writer.start()
            writer.join()
            return found

        assert store.read(work) == [user, session]
        assert store.read(lambda tx: tx.users.get_many([user.id]))[user.id].email == "x"
