"""Carts of guests, and the log-ins and registrations that take them over."""

from datetime import timedelta

import attrs

from sellout_adapters.testing.harness import pytest
from sellout_adapters.testing.laws.people.accounts import NOW
from sellout_adapters.testing.laws.races import RACERS, racing
from sellout_adapters.testing.scene import PASSWORD, Scene
from sellout_core import errors
from sellout_core.people.accounts import ANONYMOUS, OPERATOR, Registration
from sellout_core.shopping.guest_carts import GuestCart, fingerprint_of
from sellout_core.use_cases.people.registration import register
from sellout_core.use_cases.people.sessions import log_in
from sellout_core.use_cases.shopping.guest_carts import add_to_guest_cart, read_guest_cart, remove_from_guest_cart
from sellout_core.use_cases.upkeep import EXPIRED_PER_WRITE, delete_expired
from sellout_core.values import MAX_CART, ProductUnitId, UserId

FINGERPRINT = fingerprint_of("a token")
DAY = timedelta(days=1)


def stored(scene: Scene, name: str = "a token") -> GuestCart | None:
    """The stored cart of a token."""
    return scene.store.read(lambda tx: tx.guest_carts.of(fingerprint_of(name)))


def in_cart(scene: Scene, user_id: UserId) -> tuple[ProductUnitId, ...]:
    """The units in the stored cart of a user."""
    cart = scene.store.read(lambda tx: tx.carts.of(user_id))
    assert cart is not None
    return cart.unit_ids


def guest(scene: Scene, *unit_ids: ProductUnitId) -> str:
    """Fills the cart of a new guest and returns the token."""
    token: str | None = None
    for unit_id in unit_ids:
        token = add_to_guest_cart(scene.shop, ANONYMOUS, token, unit_id).token or token
    assert token is not None
    return token


class GuestCartLaws:
    """Carts of guests."""

    def test_a_guests_cart_comes_back_as_stored(self, scene: Scene) -> None:
        unit_ids = [ProductUnitId(10**15), ProductUnitId(1)]
        cart = scene.store.write(lambda tx: tx.guest_carts.add(FINGERPRINT, unit_ids, NOW))
        assert cart == GuestCart(cart.id, FINGERPRINT, tuple(unit_ids), NOW)
        for find in (lambda tx: tx.guest_carts.of(FINGERPRINT), lambda tx: tx.guest_carts.for_update(FINGERPRINT)):
            assert scene.store.read(find) == cart
            assert scene.store.write(find) == cart
        other = scene.store.write(lambda tx: tx.guest_carts.add(fingerprint_of("another"), [], NOW))
        assert other.id != cart.id
        assert (stored(scene), stored(scene, "another"), stored(scene, "a third")) == (cart, other, None)

    def test_saving_a_guests_cart_changes_no_other(self, scene: Scene) -> None:
        cart = scene.store.write(lambda tx: tx.guest_carts.add(FINGERPRINT, [ProductUnitId(1)], NOW))
        other = scene.store.write(lambda tx: tx.guest_carts.add(fingerprint_of("another"), [ProductUnitId(2)], NOW))
        changed = attrs.evolve(cart, unit_ids=(ProductUnitId(3), ProductUnitId(1)), expires_at=NOW + DAY)
        scene.store.write(lambda tx: tx.guest_carts.save(changed))
        assert (stored(scene), stored(scene, "another")) == (changed, other)

    def test_a_guests_cart_is_taken_once(self, scene: Scene) -> None:
        cart = scene.store.write(lambda tx: tx.guest_carts.add(FINGERPRINT, [ProductUnitId(1)], NOW))
        scene.store.write(lambda tx: tx.guest_carts.add(fingerprint_of("another"), [], NOW))
        taken = racing(RACERS, lambda _: scene.store.write(lambda tx: tx.guest_carts.take(FINGERPRINT)))
        assert sorted(taken, key=repr) == [cart, *[None] * (RACERS - 1)]
        assert stored(scene) is None
        assert stored(scene, "another") is not None

    def test_expired_carts_of_guests_are_deleted_the_oldest_first(self, scene: Scene) -> None:
        for second in (3, 1, 0, 2):
            at = NOW + timedelta(seconds=second)
            scene.store.write(lambda tx, n=second, at=at: tx.guest_carts.add(fingerprint_of(str(n)), [], at))  # type: ignore[misc]

        def left() -> list[int]:
            return [second for second in range(4) if stored(scene, str(second)) is not None]

        by = NOW + timedelta(seconds=2)
        assert scene.store.write(lambda tx: tx.guest_carts.delete_expired(by, 2)) == 2
        assert left() == [2, 3]
        assert [scene.store.write(lambda tx: tx.guest_carts.delete_expired(by, 2)) for _ in range(2)] == [1, 0]
        assert left() == [3]

    def test_many_units_join_a_cart_in_their_order(self, scene: Scene) -> None:
        anna, boris = scene.user("anna"), scene.user("boris")
        units = [scene.unit(f"p{n}", 10) for n in range(4)]
        scene.fill_cart(anna, units[2])
        cart = scene.store.read(lambda tx: tx.carts.of(anna))
        assert cart is not None
        scene.store.write(lambda tx: tx.carts.add_many(cart, [units[3], units[2], units[0], units[1]]))
        scene.store.write(lambda tx: tx.carts.add_many(cart, []))
        assert in_cart(scene, anna) == (units[2], units[3], units[0], units[1])
        assert in_cart(scene, boris) == ()

    def test_concurrent_additions_of_a_guest_are_all_stored(self, scene: Scene) -> None:
        units = [scene.unit(f"p{n}", 10) for n in range(RACERS + 1)]
        token = guest(scene, units[-1])
        results = racing(RACERS, lambda n: add_to_guest_cart(scene.shop, ANONYMOUS, token, units[n]))
        assert [result.is_new for result in results] == [True] * RACERS
        view = read_guest_cart(scene.shop, token)
        assert view.units[0].id == units[-1]
        assert sorted(unit.id for unit in view.units) == sorted(units)

    def test_one_unit_is_added_once_and_removed_once(self, scene: Scene) -> None:
        first, second = scene.unit("one", 10), scene.unit("two", 10)
        token = guest(scene, first)
        added = racing(RACERS, lambda _: add_to_guest_cart(scene.shop, ANONYMOUS, token, second))
        assert sorted(result.is_new for result in added) == [False] * (RACERS - 1) + [True]
        removed = racing(RACERS, lambda _: remove_from_guest_cart(scene.shop, token, second))
        assert sum(isinstance(result, errors.NotFound) for result in removed) == RACERS - 1
        assert [unit.id for unit in read_guest_cart(scene.shop, token).units] == [first]

    def test_concurrent_log_ins_of_one_user_merge_a_cart_once(self, scene: Scene) -> None:
        anna, units = scene.user("anna"), [scene.unit(f"p{n}", 10) for n in range(3)]
        scene.fill_cart(anna, units[1])
        token = guest(scene, *units)
        pairs = racing(RACERS, lambda _: log_in(scene.shop, "anna", PASSWORD, token))
        assert len({pair.access for pair in pairs}) == RACERS
        assert in_cart(scene, anna) == (units[1], units[0], units[2])

    def test_one_of_concurrent_users_gets_a_guests_cart(self, scene: Scene) -> None:
        names = [f"user{n}" for n in range(RACERS)]
        users = [scene.user(name) for name in names]
        units = tuple(scene.unit(f"p{n}", 10) for n in range(3))
        token = guest(scene, *units)
        racing(RACERS, lambda n: log_in(scene.shop, names[n], PASSWORD, token))
        assert sorted(in_cart(scene, user) for user in users) == [()] * (RACERS - 1) + [units]

    def test_a_unit_added_during_a_log_in_is_merged_or_refused(self, scene: Scene) -> None:
        anna, units = scene.user("anna"), [scene.unit(f"p{n}", 10) for n in range(RACERS)]
        token = guest(scene, units[0])

        def call(n: int) -> object:
            if n == 0:
                return log_in(scene.shop, "anna", PASSWORD, token)
            return add_to_guest_cart(scene.shop, ANONYMOUS, token, units[n])

        results = racing(RACERS, call)
        refused = {n for n, result in enumerate(results) if isinstance(result, errors.GuestCartUnknown)}
        assert 0 not in refused
        assert set(in_cart(scene, anna)) == {unit for n, unit in enumerate(units) if n not in refused}
        with pytest.raises(errors.GuestCartUnknown):
            read_guest_cart(scene.shop, token)

    def test_a_registration_that_is_refused_leaves_the_guests_cart(self, scene: Scene) -> None:
        anna, unit = scene.user("anna"), scene.unit("one", 10)
        token = guest(scene, unit)
        with pytest.raises(errors.UsernameTaken):
            register(scene.shop, Registration("anna", PASSWORD), token)
        assert [view.id for view in read_guest_cart(scene.shop, token).units] == [unit]
        register(scene.shop, Registration("boris", PASSWORD), token)
        boris = scene.store.read(lambda tx: tx.credentials.by_username("boris"))
        assert boris is not None
        assert (in_cart(scene, anna), in_cart(scene, boris.user_id)) == ((), (unit,))

    def test_a_full_cart_takes_the_newest_units_that_fit(self, scene: Scene) -> None:
        anna, units = scene.user("anna"), [scene.unit(f"p{n}", 10) for n in range(4)]
        scene.fill_cart(anna, units[0])
        many = [scene.unit(f"more{n}", 10) for n in range(MAX_CART - 3)]
        cart = scene.store.read(lambda tx: tx.carts.of(anna))
        assert cart is not None
        scene.store.write(lambda tx: tx.carts.add_many(cart, many))
        log_in(scene.shop, "anna", PASSWORD, guest(scene, *units))
        assert in_cart(scene, anna) == (units[0], *many, units[2], units[3])

    def test_a_unit_that_was_deleted_is_not_merged(self, scene: Scene) -> None:
        anna, unit = scene.user("anna"), scene.unit("one", 10)
        token = guest(scene, unit)
        cart = stored(scene, token)
        assert cart is not None
        gone = attrs.evolve(cart, unit_ids=(ProductUnitId(10**15), unit))
        scene.store.write(lambda tx: tx.guest_carts.save(gone))
        assert [view.id for view in read_guest_cart(scene.shop, token).units] == [unit]
        log_in(scene.shop, "anna", PASSWORD, token)
        assert in_cart(scene, anna) == (unit,)

    def test_new_carts_of_guests_delete_a_few_expired_ones(self, scene: Scene) -> None:
        unit = scene.unit("one", 10)
        now = scene.clock()
        for n in range(EXPIRED_PER_WRITE + 5):
            scene.store.write(lambda tx, n=n: tx.guest_carts.add(fingerprint_of(str(n)), [], now - n * DAY))  # type: ignore[misc]
        token = guest(scene, unit)

        def left() -> list[int]:
            return [n for n in range(EXPIRED_PER_WRITE + 5) if stored(scene, str(n)) is not None]

        assert left() == [0, 1, 2, 3, 4]
        assert delete_expired(scene.shop, OPERATOR) == 5
        assert (left(), len(read_guest_cart(scene.shop, token).units)) == ([], 1)
