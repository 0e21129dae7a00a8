"""Users, credentials, address books, sessions and view histories."""

from collections.abc import Collection
from datetime import UTC, datetime, timedelta
from typing import Any

import attrs

from sellout_adapters.testing.harness import pytest
from sellout_adapters.testing.laws.races import RACERS, racing
from sellout_core import errors
from sellout_core.people.accounts import Actor, Address, Credentials, NewAddress, NewUser, Session, User
from sellout_core.ports.store import Store, Transaction
from sellout_core.values import (
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

NOW = datetime(2026, 3, 1, 12, 0, 0, 123_456, UTC)
ABSENT = [0, -1, 2**31, 2**53, 2**63, 2**64, 10**30]
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


class AccountLaws:
    """Users, credentials, address books, sessions and view histories."""

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
    def test_usernames_are_unique_without_regard_to_case(self, store: Store, other: str) -> None:
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

    def test_one_of_concurrent_registrations_gets_a_username(self, store: Store) -> None:
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

    def test_noted_views_change_the_last_viewed_products(self, store: Store) -> None:
        """They change as `User.having_viewed` states. Views of missing users change nothing."""
        user = store.write(lambda tx: tx.users.add(new_user("anna"), "hash"))
        user_id, expected = user.id, user
        for number in (5, 1, 2, 3, 4, 5, 5, 10**15, 6, 7, 8, 1, 2):
            store.write(lambda tx, n=number: tx.view_history.note([(user_id, ProductId(n))]))  # type: ignore[misc]
            expected = expected.having_viewed(ProductId(number))
            assert store.read(lambda tx: tx.users.get_many([user_id])) == {user_id: expected}
        for unknown in ABSENT:
            store.write(lambda tx, n=unknown: tx.view_history.note([(UserId(n), ProductId(1))]))  # type: ignore[misc]
        assert len(store.read(lambda tx: tx.users.after(0, 9))) == 1

    def test_views_of_many_are_noted_in_the_order_given(self, store: Store) -> None:
        anna, boris = (store.write(lambda tx, name=name: tx.users.add(new_user(name), "hash")) for name in ("a", "b"))  # type: ignore[misc]
        views = [(anna, 1), (boris, 9), (anna, 2), (anna, 2), (anna, 1), (boris, 2), (anna, 3), (boris, 9)]
        expected = {anna.id: anna, boris.id: boris}
        for user, number in views:
            expected[user.id] = expected[user.id].having_viewed(ProductId(number))
        given = [(user.id, ProductId(number)) for user, number in views]
        store.write(lambda tx: tx.view_history.note([*given, *((UserId(n), ProductId(1)) for n in ABSENT)]))
        store.write(lambda tx: tx.view_history.note([]))
        assert store.read(lambda tx: tx.users.get_many(list(expected))) == expected

    def test_views_of_users_that_do_not_exist_are_skipped(self, store: Store) -> None:
        anna, boris = (store.write(lambda tx, name=name: tx.users.add(new_user(name), "hash")) for name in ("a", "b"))  # type: ignore[misc]
        missing = {UserId(n) for n in ABSENT}
        views = [(user_id, ProductId(1)) for user_id in (boris.id, *missing, anna.id)]
        assert set(store.write(lambda tx: tx.view_history.note(views))) == missing
        assert not store.write(lambda tx: tx.view_history.note([]))

    def test_concurrent_views_of_a_locked_user_are_not_lost(self, store: Store) -> None:
        user = store.write(lambda tx: tx.users.add(new_user("anna"), "hash"))
        seven = list(range(1, 8))

        def note(tx: Transaction, product_id: int) -> Collection[UserId]:
            tx.users.for_update(user.id)
            return tx.view_history.note([(user.id, ProductId(product_id))])

        skipped = racing(7, lambda n: store.write(lambda tx: note(tx, seven[n])))
        found = store.read(lambda tx: tx.users.get_many([user.id]))[user.id]
        assert sorted(found.last_viewed) == seven
        assert not any(skipped)

    def test_a_user_cannot_take_a_name_by_saving(self, store: Store) -> None:
        anna = store.write(lambda tx: tx.users.add(new_user("anna"), "hash"))
        store.write(lambda tx: tx.users.add(new_user("boris"), "hash"))
        with pytest.raises(errors.UsernameTaken):
            store.write(lambda tx: tx.users.save(attrs.evolve(anna, username="BORIS")))

    def test_missing_rows_are_omitted(self, store: Store) -> None:
        def work(tx: Transaction) -> list[Any]:
            return [
                tx.users.get_many([UserId(i) for i in ABSENT]),
                tx.products.get_many([ProductId(i) for i in ABSENT]),
                tx.products.by_sku(["none"]),
                tx.cards.get_many([ProductId(i) for i in ABSENT], UserId(ABSENT[-1])),
                tx.sizes.get_many([SizeId(i) for i in ABSENT]),
                tx.units.get_many([ProductUnitId(i) for i in ABSENT]),
                tx.units.cheapest([SizeId(i) for i in ABSENT]),
                tx.users.get_many([]),
            ]

        def one_by_one(tx: Transaction) -> list[Any]:
            return [
                found
                for i in ABSENT
                for found in (
                    tx.users.for_update(UserId(i)),
                    tx.wishlists.unit(WishlistUnitId(i)),
                    tx.orders.get(OrderId(i)),
                    tx.carts.of(UserId(i)),
                )
            ]

        assert store.read(work) == [{}] * 8
        assert set(store.write(one_by_one)) == {None}
        assert not any(store.read(lambda tx, i=i: tx.orders.of_buyer_after(UserId(i), 0, 9)) for i in ABSENT)  # type: ignore[misc]
        assert not any(store.read(lambda tx, i=i: tx.wishlists.of(UserId(i)).units) for i in ABSENT)  # type: ignore[misc]

    def test_an_address_book_keeps_order_and_never_reuses_ids(self, store: Store) -> None:
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

    def test_a_session_has_the_users_current_rights(self, store: Store) -> None:
        user = store.write(lambda tx: tx.users.add(new_user("anna"), "hash"))
        session = Session(SessionId("0123456789abcdef"), user.id, "print", NOW)
        store.write(lambda tx: tx.sessions.add(session))

        def actor(user_id: int = user.id) -> Actor | None:
            return store.read(lambda tx: tx.sessions.actor(session.id, UserId(user_id)))

        assert actor() == Actor(user.id, is_staff=False)
        assert all(actor(other) is None for other in [user.id + 1, *ABSENT])
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
        assert store.write(lambda tx: tx.sessions.delete_expired(NOW, 9)) == 1
        found = [store.write(lambda tx, name=name: tx.sessions.for_update(SessionId(name))) for name in names]  # type: ignore[misc]
        assert found == [None, sessions[1], rotated]
        store.write(lambda tx: tx.sessions.delete(sessions[1].id))
        store.write(lambda tx: tx.sessions.delete(sessions[1].id))
        assert store.read(lambda tx: tx.sessions.actor(sessions[1].id, user.id)) is None
        assert store.read(lambda tx: tx.sessions.actor(rotated.id, user.id)) == Actor(user.id)

    def test_expired_sessions_of_any_users_are_deleted_the_oldest_first(self, store: Store) -> None:
        users = [store.write(lambda tx, name=name: tx.users.add(new_user(name), "hash")) for name in ("a", "b")]  # type: ignore[misc]
        for second in (3, 1, 0, 2):
            session = Session(SessionId(f"{second}"), users[second % 2].id, "print", NOW + timedelta(seconds=second))
            store.write(lambda tx, new=session: tx.sessions.add(new))  # type: ignore[misc]

        def left() -> list[int]:
            return [n for n in range(4) if store.read(lambda tx, n=n: tx.sessions.for_update(SessionId(f"{n}")))]  # type: ignore[misc]

        by = NOW + timedelta(seconds=2)
        assert store.write(lambda tx: tx.sessions.delete_expired(by, 2)) == 2
        assert left() == [2, 3]
        assert [store.write(lambda tx: tx.sessions.delete_expired(by, 2)) for _ in range(2)] == [1, 0]
        assert left() == [3]

    def test_all_sessions_of_a_user_are_revoked_together(self, store: Store) -> None:
        anna, boris = (store.write(lambda tx, name=name: tx.users.add(new_user(name), "hash")) for name in ("a", "b"))  # type: ignore[misc]
        owners = {SessionId("a" * 16): anna, SessionId("b" * 16): anna, SessionId("c" * 16): boris}
        for name, owner in owners.items():
            session = Session(name, owner.id, "print", NOW + timedelta(days=1))
            store.write(lambda tx, new=session: tx.sessions.add(new))  # type: ignore[misc]
        store.write(lambda tx: tx.sessions.delete_of(anna.id))
        left = [name for name, owner in owners.items() if store.read(lambda tx: tx.sessions.actor(name, owner.id))]  # noqa: B023
        assert left == ["c" * 16]

    def test_saving_credentials_changes_nothing_else(self, store: Store) -> None:
        anna = store.write(lambda tx: tx.users.add(new_user("anna"), "hash"))
        boris = store.write(lambda tx: tx.users.add(new_user("boris"), "other"))
        store.write(lambda tx: tx.credentials.save(anna.id, "fresh"))
        expected = Credentials(anna.id, "fresh", is_active=True)
        assert store.read(lambda tx: tx.credentials.of(anna.id)) == expected
        assert store.read(lambda tx: tx.credentials.by_username("ANNA")) == expected
        assert store.read(lambda tx: tx.credentials.of(boris.id)) == Credentials(boris.id, "other", is_active=True)
        assert all(store.read(lambda tx, other=other: tx.credentials.of(UserId(other))) is None for other in ABSENT)  # type: ignore[misc]
        assert store.read(lambda tx: tx.users.after(0, 1_000)) == [anna, boris]
