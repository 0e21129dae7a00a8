"""Carts, wishlists, promo codes, orders and stored responses."""

from datetime import date, datetime, timedelta

import attrs

from sellout_adapters.testing.harness import pytest
from sellout_adapters.testing.laws.people.accounts import NOW
from sellout_adapters.testing.laws.races import RACERS, racing
from sellout_adapters.testing.scene import Scene, checkout_request, product_entry, shoe_size, unit_entry, whole_list
from sellout_core import errors
from sellout_core.catalogue.products import PENDING
from sellout_core.people.accounts import OPERATOR, Actor, Address
from sellout_core.ports.shopping.orders import StoredResponse
from sellout_core.shopping.ordering import NewOrder, NewPromoCode, OrderLine
from sellout_core.use_cases.catalogue.browsing import read_units
from sellout_core.use_cases.shopping.checkout import check_out
from sellout_core.use_cases.shopping.orders import read_user_orders
from sellout_core.use_cases.shopping.wishlists import add_to_wishlist
from sellout_core.values import AddressId, Money, Percentage, ProductUnitId, UserId


class ShoppingLaws:
    """Carts, wishlists, promo codes, orders and stored responses."""

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

    def test_one_of_concurrent_transactions_removes_a_unit_from_a_cart(self, scene: Scene) -> None:
        anna, unit = scene.user("anna"), scene.unit("one", 10)
        scene.fill_cart(anna, unit)
        got = racing(RACERS, lambda _: list(scene.store.write(lambda tx: tx.carts.remove(anna, [unit]))))
        assert sorted(got) == [[]] * (RACERS - 1) + [[unit]]

    def test_a_wishlist_keeps_its_units_in_order_of_entry(self, scene: Scene) -> None:
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

    def test_a_promo_code_is_found_as_stored_without_regard_to_case(self, scene: Scene) -> None:
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

    def test_activations_never_exceed_the_maximum(self, scene: Scene) -> None:
        code = scene.promo_code("SALE", scene.user("owner"), activation_count=7, max_activation_count=10)
        got = racing(RACERS, lambda _: scene.store.write(lambda tx: tx.promo_codes.activate(code)))
        counts = [after.activation_count if after else 0 for after in got]
        assert sorted(counts) == [0] * (RACERS - 3) + [8, 9, 10]
        stored = scene.store.read(lambda tx: tx.promo_codes.by_code("SALE"))
        assert stored is not None
        assert stored.activation_count == 10

    def test_the_products_of_a_wishlist_are_distinct(self, scene: Scene) -> None:
        anna, bert = scene.user("anna"), scene.user("bert")
        first, units = scene.sell(product_entry("one", unit_entry(1, shoe_size("41")), unit_entry(1, shoe_size("42"))))
        second, _ = scene.sell(product_entry("two"))
        for size_id in (units[0].size_id, units[1].size_id, None):
            add_to_wishlist(scene.shop, Actor(anna), anna, first.id, size_id)
        add_to_wishlist(scene.shop, Actor(bert), bert, second.id, None)

        def held(user_id: UserId) -> list[int]:
            return sorted(scene.store.read(lambda tx: tx.wishlists.products_of(user_id)))

        assert (held(anna), held(bert), held(UserId(99))) == ([first.id], [second.id], [])

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
        scene.store.write(lambda tx: tx.promo_codes.activate(order.promo_code))  # type: ignore[arg-type]
        scene.sell(product_entry("one", unit_entry(8, currency="CNY")))
        found = scene.store.read(lambda tx: tx.orders.get(order.id))
        assert found == order
        assert [(line.unit.id, line.unit.price) for line in order.lines] == [(units[1], 100), (units[0], 7)]
        assert (order.total, sum(line.amount for line in order.lines)) == (91, 91)
        assert order.promo_code is not None
        assert (order.promo_code.code, order.promo_code.activation_count) == ("Sale", 1)
        assert order.address == Address(address_id, "Проспект Мира 111", "308033")
        assert [unit.price for unit in whole_list(read_user_orders, scene.shop, her, anna)[0].units] == [100, 7]

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
        assert list(scene.store.read(lambda tx: tx.orders.of_buyer_after(people[1], 0, 9))) == stored[1::2]
        assert list(scene.store.read(lambda tx: tx.orders.of_buyer_after(people[0], 0, 1))) == stored[:1]
        assert list(scene.store.read(lambda tx: tx.orders.of_buyer_after(people[0], stored[0].id, 9))) == stored[2::2]

    def test_a_stored_response_belongs_to_one_user_and_key(self, scene: Scene) -> None:
        anna, boris = scene.user("anna"), scene.user("boris")
        stored = StoredResponse("print", b"\x00\xff response")
        scene.store.write(lambda tx: tx.idempotency.save(anna, "key", stored, NOW))

        def find(user_id: UserId, key: str, stored_after: datetime) -> StoredResponse | None:
            return scene.store.read(lambda tx: tx.idempotency.find(user_id, key, stored_after))

        before = NOW - timedelta(microseconds=1)
        assert find(anna, "key", before) == stored
        assert [find(anna, "key", NOW), find(boris, "key", before), find(anna, "KEY", before)] == [None] * 3

    def test_a_response_replaces_an_older_one_under_its_key(self, scene: Scene) -> None:
        anna, later = scene.user("anna"), NOW + timedelta(days=1)
        for number, at in enumerate((NOW, later)):
            stored = StoredResponse(f"print {number}", f"response {number}".encode())
            scene.store.write(lambda tx, new=stored, now=at: tx.idempotency.save(anna, "key", new, now))  # type: ignore[misc]
            assert scene.store.read(lambda tx: tx.idempotency.find(anna, "key", NOW - timedelta(1))) == stored
        assert scene.store.write(lambda tx: tx.idempotency.delete_expired(NOW, 9)) == 0
        assert scene.store.read(lambda tx: tx.idempotency.find(anna, "key", NOW)) == stored

    def test_expired_responses_of_any_users_are_deleted_the_oldest_first(self, scene: Scene) -> None:
        users = [scene.user("anna"), scene.user("boris")]
        stored = StoredResponse("print", b"response")
        for second in (3, 1, 0, 2):
            at = NOW + timedelta(seconds=second)
            scene.store.write(lambda tx, n=second, at=at: tx.idempotency.save(users[n % 2], str(n), stored, at))  # type: ignore[misc]

        def left() -> list[int]:
            long_ago = NOW - timedelta(1)
            return [
                second
                for second in range(4)
                if scene.store.read(lambda tx, n=second: tx.idempotency.find(users[n % 2], str(n), long_ago))  # type: ignore[misc]
            ]

        by = NOW + timedelta(seconds=2)
        assert scene.store.write(lambda tx: tx.idempotency.delete_expired(by, 2)) == 2
        assert left() == [2, 3]
        assert [scene.store.write(lambda tx: tx.idempotency.delete_expired(by, 2)) for _ in range(2)] == [1, 0]
        assert left() == [3]
