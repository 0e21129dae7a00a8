"""Promo codes as staff read, add and change them."""

from datetime import date, datetime
from typing import Any

from sellout_adapters.testing.harness import pytest
from sellout_adapters.testing.laws.races import RACERS, ConcurrentCall, racing
from sellout_adapters.testing.scene import Scene, checkout_request, whole_list
from sellout_core import errors
from sellout_core.audit import AuditQuery, FieldChange
from sellout_core.errors import InvalidFields, PromoCodeInactive
from sellout_core.people.accounts import OPERATOR, Actor
from sellout_core.ports.store import Transaction
from sellout_core.shopping.ordering import NewPromoCode, PromoCode
from sellout_core.use_cases.audit import read_audit
from sellout_core.use_cases.shopping.checkout import check_out
from sellout_core.use_cases.shopping.orders import read_order
from sellout_core.use_cases.shopping.promo_codes import (
    PromoCodeChange,
    change_promo_code,
    create_promo_code,
    read_promo_code,
    read_promo_code_uses,
    read_promo_codes,
)
from sellout_core.values import Money, Percentage, ProductUnitId, PromoCodeId, UserId
from sellout_core.views import OrderView


def change(scene: Scene, promo_code_id: PromoCodeId, **changes: Any) -> PromoCode:
    """Changes a promo code in any version of it."""
    terms = PromoCodeChange(**changes)
    return change_promo_code(scene.shop, OPERATOR, promo_code_id, terms, lambda _: True).promo_code


def buyers(scene: Scene, number: int) -> list[tuple[UserId, ProductUnitId]]:
    """Users, each with one unit in the cart."""
    found = []
    for each in range(number):
        user_id, unit_id = scene.user(f"buyer {each}"), scene.unit(f"sku {each}", 1000)
        scene.fill_cart(user_id, unit_id)
        found.append((user_id, unit_id))
    return found


def redeem(scene: Scene, buyer: tuple[UserId, ProductUnitId]) -> OrderView:
    """Orders the unit with the promo code SALE."""
    user_id, unit_id = buyer
    wanted = checkout_request(scene.address(user_id), unit_id, promo_code="sale")
    return check_out(scene.shop, Actor(user_id), user_id, wanted)


class PromoCodeLaws:
    """Promo codes as staff read, add and change them."""

    def test_promo_codes_are_listed_by_id(self, scene: Scene) -> None:
        owner = scene.user("owner")
        stored = [scene.promo_code(f"code {number}", owner) for number in range(3)]
        views = whole_list(read_promo_codes, scene.shop, OPERATOR)
        assert [view.promo_code for view in views] == stored
        assert {view.owner.user.username for view in views} == {"owner"}
        after = stored[0].id
        assert scene.store.read(lambda tx: tx.promo_codes.after(after, 1)) == [stored[1]]
        assert scene.store.read(lambda tx: tx.promo_codes.after(10**30, 9)) == []
        assert read_promo_code(scene.shop, OPERATOR, stored[1].id).promo_code == stored[1]
        for absent in (0, -1, 10**6, 10**30):
            with pytest.raises(errors.NotFound):
                read_promo_code(scene.shop, OPERATOR, PromoCodeId(absent))
            with pytest.raises(errors.NotFound):
                change(scene, PromoCodeId(absent), active=False)

    def test_a_promo_code_is_saved_with_every_term(self, scene: Scene) -> None:
        code = scene.promo_code("Sale", scene.user("owner"), activation_count=2)
        other = scene.promo_code("Other", code.owner_id)
        after = change(
            scene,
            code.id,
            discount_percentage=Percentage(0),
            discount_absolute=Money(7),
            max_activation_count=2,
            active=False,
            active_until=date(2030, 1, 1),
        )
        assert after == PromoCode(
            id=code.id,
            code="Sale",
            owner_id=code.owner_id,
            discount_absolute=Money(7),
            activation_count=2,
            max_activation_count=2,
            active=False,
            active_until=date(2030, 1, 1),
        )
        assert scene.store.read(lambda tx: tx.promo_codes.after(0, 9)) == [after, other]

    def test_the_uses_of_a_promo_code_are_listed_by_order(self, scene: Scene) -> None:
        code = scene.promo_code("SALE", scene.user("owner"))
        scene.promo_code("OTHER", code.owner_id)
        orders = []
        for buyer in buyers(scene, 3):
            scene.clock.advance(hours=1)
            orders.append(redeem(scene, buyer).order)
        user_id, unit_id = orders[0].buyer_id, orders[0].lines[0].unit.id
        for promo_code in ("", "OTHER"):
            scene.fill_cart(user_id, unit_id)
            wanted = checkout_request(scene.address(user_id), unit_id, promo_code=promo_code)
            check_out(scene.shop, OPERATOR, user_id, wanted)
        uses = whole_list(read_promo_code_uses, scene.shop, OPERATOR, code.id)
        assert [(use.id, use.buyer_id, use.used_at) for use in uses] == [
            (order.id, order.buyer_id, order.placed_at) for order in orders
        ]
        assert scene.store.read(lambda tx: tx.orders.uses_after(code.id, uses[0].id, 1)) == uses[1:2]
        for absent in (0, -1, 10**30):
            assert scene.store.read(lambda tx, one=absent: tx.orders.uses_after(PromoCodeId(one), 0, 9)) == []  # type: ignore[misc]
        with pytest.raises(errors.NotFound):
            whole_list(read_promo_code_uses, scene.shop, OPERATOR, PromoCodeId(10**6))

    def test_orders_keep_the_terms_that_were_agreed(self, scene: Scene) -> None:
        code = scene.promo_code("SALE", scene.user("owner"), 15)
        [one, two] = buyers(scene, 2)
        order = redeem(scene, one).order
        change(scene, code.id, discount_percentage=Percentage(50))
        assert read_order(scene.shop, OPERATOR, order.id).order == order
        assert (order.total, redeem(scene, two).order.total) == (850, 500)

    def test_of_two_changes_based_on_one_version_one_is_refused(self, scene: Scene) -> None:
        code = scene.promo_code("SALE", scene.user("owner"))

        def alter(number: int) -> Any:
            terms = PromoCodeChange(max_activation_count=100 + number)
            return change_promo_code(scene.shop, OPERATOR, code.id, terms, lambda view: view.promo_code == code)

        results = racing(RACERS, alter)
        assert sum(isinstance(result, errors.Stale) for result in results) == RACERS - 1

    def test_a_stop_during_checkouts_holds_for_every_later_one(self, scene: Scene) -> None:
        code = scene.promo_code("SALE", scene.user("owner"), max_activation_count=100)
        people = buyers(scene, RACERS)

        def run(number: int) -> Any:
            if number == RACERS // 2:
                return change(scene, code.id, active=False)
            return redeem(scene, people[number])

        results = racing(RACERS, run)
        placed = [result.order for result in results if isinstance(result, OrderView)]
        refused = [result for result in results if isinstance(result, errors.SellOutError)]
        assert len(placed) + len(refused) == RACERS - 1
        assert {type(refusal) for refusal in refused} <= {PromoCodeInactive}
        assert all(order.promo_code is not None and order.promo_code.active for order in placed)
        stopped = read_promo_code(scene.shop, OPERATOR, code.id).promo_code
        assert (stopped.active, stopped.activation_count) == (False, len(placed))
        with pytest.raises(PromoCodeInactive):
            redeem(scene, people[RACERS // 2])

    def test_an_order_has_the_discount_of_the_terms_that_it_keeps(self, scene: Scene) -> None:
        code = scene.promo_code("SALE", scene.user("owner"), 10, max_activation_count=100)
        people = buyers(scene, RACERS)

        def run(number: int) -> Any:
            if number % 4 == 3:
                return change(scene, code.id, discount_percentage=Percentage(10 * number))
            return redeem(scene, people[number])

        for result in racing(RACERS, run):
            if isinstance(result, OrderView):
                kept = result.order.promo_code
                assert kept is not None
                assert result.order.total == 1000 - 10 * kept.discount_percentage

    def test_a_checkout_that_was_priced_by_other_terms_is_priced_again(self, scene: Scene) -> None:
        """The terms change between the price and the activation, or the store lets the change wait."""
        code = scene.promo_code("SALE", scene.user("owner"), 10)
        other = ConcurrentCall(lambda: change(scene, code.id, discount_percentage=Percentage(50)))

        def work(tx: Transaction) -> tuple[PromoCode | None, PromoCode | None]:
            priced = tx.promo_codes.get(code.id)
            assert priced is not None
            other.has_ended()
            return priced, tx.promo_codes.activate(priced)

        priced, activated = scene.store.write(work)
        other.wait()
        assert priced is not None
        assert activated == priced.activated()

    def test_the_maximum_is_never_below_the_activations(self, scene: Scene) -> None:
        code = scene.promo_code("SALE", scene.user("owner"), activation_count=3)
        with pytest.raises(InvalidFields) as refusal:
            change(scene, code.id, max_activation_count=2)
        assert [field.name for field in refusal.value.fields] == ["max_activation_count"]
        assert change(scene, code.id, max_activation_count=3).max_activation_count == 3

    def test_a_promo_code_whose_day_is_over_can_be_stopped_and_prolonged(self, scene: Scene) -> None:
        code = scene.promo_code("SALE", scene.user("owner"), active_until=date(2026, 2, 1))
        change(scene, code.id, active=False)
        assert change(scene, code.id, active_until=date(2026, 4, 1)).active_until == date(2026, 4, 1)
        for useless in ({"active_until": date(2026, 2, 28)}, {"discount_percentage": Percentage(0)}):
            with pytest.raises(InvalidFields):
                change(scene, code.id, **useless)

    def test_changes_of_promo_codes_are_audited(self, scene: Scene) -> None:
        staff_id, staff = scene.actor("staff", is_staff=True)
        at: datetime = scene.clock.now
        new = NewPromoCode(
            code="SALE",
            owner_id=staff_id,
            discount_percentage=Percentage(5),
            max_activation_count=1,
            active_until=date(2026, 12, 31),
        )
        code = create_promo_code(scene.shop, staff, new).promo_code
        for _ in range(2):
            change_promo_code(scene.shop, staff, code.id, PromoCodeChange(active=False), lambda _: True)
        entries = whole_list(read_audit, scene.shop, OPERATOR, AuditQuery(kind="promo_code", object_id=code.id))
        assert [(entry.action, entry.actor_id, entry.at) for entry in entries] == [
            ("create", staff_id, at),
            ("update", staff_id, at),
        ]
        assert entries[0].changes["active_until"] == FieldChange(None, "2026-12-31")
        assert entries[1].changes == {"active": FieldChange(True, False)}
