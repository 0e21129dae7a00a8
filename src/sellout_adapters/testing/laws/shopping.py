"""Carts, wishlists, promo codes, orders and answers under idempotency keys."""

from datetime import date, datetime, timedelta

import attrs

from sellout_adapters.testing.harness import pytest
from sellout_adapters.testing.laws.accounts import NOW
from sellout_adapters.testing.laws.races import RACERS, racing
from sellout_adapters.testing.scene import Scene, checkout_request, product_entry, shoe_size, unit_entry
from sellout_core import errors
from sellout_core.accounts import OPERATOR, Actor, Address
from sellout_core.catalogue import (
    PENDING,
)
from sellout_core.ordering import NewOrder, NewPromoCode, OrderLine
from sellout_core.ports.shopping import KeptAnswer
from sellout_core.use_cases.browsing import read_units
from sellout_core.use_cases.checkout import check_out
from sellout_core.use_cases.orders import read_user_orders
from sellout_core.use_cases.wishlists import add_to_wishlist
from sellout_core.values import (
    AddressId,
    Money,
    Percentage,
    ProductUnitId,
    UserId,
)


class ShoppingLaws:
    """Carts, wishlists, promo codes, orders and answers under idempotency keys."""

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
