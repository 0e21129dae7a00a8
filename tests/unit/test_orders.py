"""Reading orders, which keep what was agreed, and repeated checkouts."""

from datetime import timedelta

import pytest

from sellout_adapters.testing.scene import unit_entry, whole_list
from sellout_core.catalogue.products import FEMALE
from sellout_core.errors import (
    FieldCode,
    Forbidden,
    IdempotencyKeyReused,
    InvalidField,
    InvalidFields,
    NotInCart,
    PromoCodeUnknown,
)
from sellout_core.people.accounts import OPERATOR, Session
from sellout_core.ports import StoredResponse, Transaction
from sellout_core.use_cases.catalogue.browsing import read_product, view_card
from sellout_core.use_cases.people.users import read_profile
from sellout_core.use_cases.shopping.carts import add_to_cart
from sellout_core.use_cases.shopping.checkout import check_out, check_out_once
from sellout_core.use_cases.shopping.orders import read_order, read_orders, read_user_orders
from sellout_core.use_cases.upkeep import delete_expired
from sellout_core.values import Percentage, SessionId
from sellout_core.views import OrderView
from tests.unit.shop_scene import Person, Scene


@pytest.fixture
def anna(scene: Scene) -> Person:
    return scene.person("anna")


def encoded(view: OrderView) -> bytes:
    return f"order {view.order.id} for {view.order.total}".encode()


def buy(scene: Scene, buyer: Person, sku: str, price: int = 7, **other: object) -> OrderView:
    return check_out(scene.shop, buyer.actor, buyer.id, scene.ready(buyer, scene.unit(sku, price), **other))


def test_orders_are_read_by_id_ones_own_and_for_staff_all(scene: Scene, anna: Person) -> None:
    boris, boss = scene.person("boris"), scene.staff()
    first, second, third = (buy(scene, buyer, sku) for buyer, sku in [(anna, "a"), (boris, "b"), (anna, "c")])
    orders = {
        who: [view.order for view in views]
        for who, views in {
            "anna": whole_list(read_user_orders, scene.shop, anna.actor, anna.id),
            "boris": whole_list(read_user_orders, scene.shop, boris.actor, boris.id),
            "boss": whole_list(read_user_orders, scene.shop, boss.actor, boss.id),
            "everybody": whole_list(read_orders, scene.shop, boss.actor),
        }.items()
    }
    assert orders == {
        "anna": [first.order, third.order],
        "boris": [second.order],
        "boss": [],
        "everybody": [first.order, second.order, third.order],
    }
    assert read_order(scene.shop, anna.actor, third.order.id) == third


def test_without_orders_there_are_none(scene: Scene, anna: Person) -> None:
    assert whole_list(read_orders, scene.shop, OPERATOR) == []
    assert whole_list(read_user_orders, scene.shop, anna.actor, anna.id) == []


def test_an_order_shows_its_buyer_with_what_they_viewed_and_its_products_by_name(scene: Scene, anna: Person) -> None:
    viewed = scene.goods("air")
    view_card(scene.shop, anna.actor, viewed.product_id, anna.id)
    view = buy(scene, anna, "dunk")
    assert view.user == read_profile(scene.shop, anna.actor, anna.id)
    assert [product.id for product in view.user.last_viewed] == [viewed.product_id]
    (unit,) = view.units
    assert unit.product == read_product(scene.shop, OPERATOR, unit.product.product.id)
    assert (unit.currency.name, unit.delivery_type.name, unit.platform.name) == ("RUB", "Самолёт", "Poizon")


def test_an_order_keeps_its_prices_and_currency_when_the_catalogue_changes(scene: Scene, anna: Person) -> None:
    order = buy(scene, anna, "dunk", 7).order
    goods = scene.goods("dunk", unit_entry(1000, currency="USD", availability=False), available_flag=False)
    view = read_order(scene.shop, anna.actor, order.id)
    assert view.order == order
    (unit,) = view.units
    assert (unit.id, unit.price, unit.currency.name) == (goods.unit_id, 7, "RUB")
    assert scene.unit_now(goods.unit_id).price == 1000


def test_an_order_keeps_its_promo_codes_terms_and_its_total_when_discounts_change(scene: Scene, anna: Person) -> None:
    scene.promo_code("SALE", anna.id, 15)
    first = buy(scene, anna, "dunk", 100, promo_code="SALE")
    scene.change_user(anna.id, personal_discount=Percentage(50))
    buy(scene, anna, "air", 100, promo_code="SALE")
    view = read_order(scene.shop, anna.actor, first.order.id)
    assert view.order == first.order
    assert view.order.promo_code is not None
    assert (view.order.promo_code.activation_count, scene.promo_now("SALE").activation_count) == (1, 2)


def test_a_promo_codes_owner_is_shown_to_themselves_and_staff_alone(scene: Scene, anna: Person) -> None:
    owner, boss = scene.person("owner"), scene.staff()
    scene.promo_code("SALE", owner.id)
    bought = buy(scene, anna, "dunk", promo_code="SALE").order
    own = buy(scene, owner, "air", promo_code="SALE").order
    expected = {
        (anna, bought.id): None,
        (boss, bought.id): read_profile(scene.shop, owner.actor, owner.id),
        (owner, own.id): read_profile(scene.shop, owner.actor, owner.id),
    }
    for (reader, order_id), shown in expected.items():
        promo_code = read_order(scene.shop, reader.actor, order_id).promo_code
        assert promo_code is not None
        assert (promo_code.owner_id, promo_code.owner) == (owner.id, shown)
        mine = whole_list(read_user_orders, scene.shop, reader.actor, anna.id if order_id == bought.id else owner.id)
        assert mine[0].promo_code == promo_code
    asked = scene.ready(anna, scene.unit("kobe", 7), promo_code="SALE")
    ordered = check_out(scene.shop, boss.actor, anna.id, asked).promo_code
    assert ordered is not None
    assert ordered.owner == expected[boss, bought.id]
    everybody = whole_list(read_orders, scene.shop, boss.actor)
    assert [view.promo_code and view.promo_code.owner for view in everybody] == [expected[boss, bought.id]] * 3


def test_a_buyer_who_asks_once_sees_their_own_promo_codes_owner(scene: Scene) -> None:
    owner = scene.person("owner")
    scene.promo_code("SALE", owner.id)
    asked = scene.ready(owner, scene.unit("dunk", 7), promo_code="SALE")
    seen: list[OrderView] = []
    check_out_once(scene.shop, owner.actor, owner.id, asked, "key", lambda view: seen.append(view) or b"")  # type: ignore[func-returns-value]
    assert seen[0].promo_code is not None
    assert seen[0].promo_code.owner == read_profile(scene.shop, owner.actor, owner.id)


def test_an_orders_buyer_is_shown_with_their_gender(scene: Scene) -> None:
    female = scene.person("maria", gender_id=FEMALE)
    gender = buy(scene, female, "dunk").user.gender
    assert gender is not None
    assert (gender.id, gender.name) == (FEMALE, "F")


def test_the_same_key_and_checkout_again_get_the_first_answer_and_one_order(scene: Scene, anna: Person) -> None:
    asked = scene.ready(anna, scene.unit("dunk", 7))
    first = check_out_once(scene.shop, anna.actor, anna.id, asked, "key", encoded)
    scene.unit("dunk", 1000)
    scene.clock.advance(hours=23, minutes=59)
    again = check_out_once(scene.shop, anna.actor, anna.id, asked, "key", lambda _: b"another answer")
    assert (first, again) == (b"order 1 for 7", first)
    assert len(whole_list(read_orders, scene.shop, OPERATOR)) == 1


def test_the_same_key_with_another_checkout_is_refused_and_orders_nothing(scene: Scene, anna: Person) -> None:
    asked = scene.ready(anna, scene.unit("dunk", 7))
    check_out_once(scene.shop, anna.actor, anna.id, asked, "key", encoded)
    other = scene.ready(anna, scene.unit("air", 7))
    with pytest.raises(IdempotencyKeyReused):
        check_out_once(scene.shop, anna.actor, anna.id, other, "key", encoded)
    assert len(whole_list(read_orders, scene.shop, OPERATOR)) == 1
    assert scene.in_cart(anna.id) == other.unit_ids
    assert check_out_once(scene.shop, anna.actor, anna.id, asked, "key", encoded) == b"order 1 for 7"


def test_another_key_is_another_checkout(scene: Scene, anna: Person) -> None:
    asked = scene.ready(anna, scene.unit("dunk", 7))
    check_out_once(scene.shop, anna.actor, anna.id, asked, "key", encoded)
    with pytest.raises(NotInCart):
        check_out_once(scene.shop, anna.actor, anna.id, asked, "KEY", encoded)
    add_to_cart(scene.shop, anna.actor, anna.id, asked.unit_ids[0])
    assert check_out_once(scene.shop, anna.actor, anna.id, asked, "KEY", encoded) == b"order 2 for 7"


def test_a_key_is_its_buyers_own(scene: Scene, anna: Person) -> None:
    boris, unit_id = scene.person("boris"), scene.unit("dunk", 7)
    answers = [
        check_out_once(scene.shop, buyer.actor, buyer.id, scene.ready(buyer, unit_id), "key", encoded)
        for buyer in (anna, boris)
    ]
    assert answers == [b"order 1 for 7", b"order 2 for 7"]


def test_staff_who_ask_first_get_no_more_than_the_buyer_who_asks_again_may_see(scene: Scene, anna: Person) -> None:
    boss, owner = scene.staff(), scene.person("owner")
    scene.promo_code("SALE", owner.id)
    asked = scene.ready(anna, scene.unit("dunk", 7), promo_code="SALE")

    def owner_shown(view: OrderView) -> bytes:
        assert view.promo_code is not None
        return repr(view.promo_code.owner).encode()

    answers = [
        check_out_once(scene.shop, actor, anna.id, asked, "key", owner_shown) for actor in (boss.actor, anna.actor)
    ]
    assert answers == [b"None", b"None"]


def test_a_key_is_free_again_after_24_hours(scene: Scene, anna: Person) -> None:
    asked = scene.ready(anna, scene.unit("dunk", 7))
    check_out_once(scene.shop, anna.actor, anna.id, asked, "key", encoded)
    check_out_once(scene.shop, anna.actor, anna.id, scene.ready(anna, scene.unit("air", 8)), "old", encoded)
    scene.clock.advance(hours=24)
    add_to_cart(scene.shop, anna.actor, anna.id, asked.unit_ids[0])
    assert check_out_once(scene.shop, anna.actor, anna.id, asked, "key", encoded) == b"order 3 for 7"
    assert check_out_once(scene.shop, anna.actor, anna.id, asked, "key", encoded) == b"order 3 for 7"


def test_a_checkout_deletes_expired_responses_of_any_buyer(scene: Scene, anna: Person) -> None:
    asked = scene.ready(anna, scene.unit("dunk", 7))
    check_out_once(scene.shop, anna.actor, anna.id, asked, "old", encoded)
    long_ago = scene.clock.now.replace(year=2000)
    scene.clock.advance(hours=24)
    boris = scene.person("boris")
    assert scene.store.read(lambda tx: tx.idempotency.find(anna.id, "old", long_ago)) is not None
    check_out_once(scene.shop, boris.actor, boris.id, scene.ready(boris, scene.unit("air", 8)), "key", encoded)
    assert scene.store.read(lambda tx: tx.idempotency.find(anna.id, "old", long_ago)) is None
    assert scene.store.read(lambda tx: tx.idempotency.find(boris.id, "key", long_ago)) is not None


def test_the_operator_deletes_all_that_has_expired(scene: Scene, anna: Person) -> None:
    """A transaction deletes at most 200 rows of each kind, so others can write in between."""
    began = scene.clock.now

    def store_responses(tx: Transaction) -> None:
        for number in range(450):
            tx.idempotency.save(anna.id, str(number), StoredResponse("print", b"response"), began)

    scene.store.write(store_responses)
    scene.store.write(lambda tx: tx.sessions.add(Session(SessionId("old"), anna.id, "print", began)))
    scene.store.write(lambda tx: tx.counters.add("key", began, timedelta(seconds=1)))
    scene.clock.advance(hours=23)
    check_out_once(scene.shop, anna.actor, anna.id, scene.ready(anna, scene.unit("air", 8)), "new", encoded)
    scene.clock.advance(hours=1)
    with pytest.raises(Forbidden):
        delete_expired(scene.shop, anna.actor)
    assert delete_expired(scene.shop, OPERATOR) == 452
    assert delete_expired(scene.shop, OPERATOR) == 0
    assert scene.store.read(lambda tx: tx.idempotency.find(anna.id, "new", began)) is not None


def test_a_refused_checkout_keeps_no_answer(scene: Scene, anna: Person) -> None:
    asked = scene.ready(anna, scene.unit("dunk", 7), promo_code="SALE")
    with pytest.raises(PromoCodeUnknown):
        check_out_once(scene.shop, anna.actor, anna.id, asked, "key", encoded)
    scene.promo_code("SALE", anna.id, 0)
    assert check_out_once(scene.shop, anna.actor, anna.id, asked, "key", encoded) == b"order 1 for 7"


def test_an_answer_that_cannot_be_written_leaves_no_order(scene: Scene, anna: Person) -> None:
    asked = scene.ready(anna, scene.unit("dunk", 7))

    def broken(_: OrderView) -> bytes:
        raise OSError("no room")

    with pytest.raises(OSError, match="no room"):
        check_out_once(scene.shop, anna.actor, anna.id, asked, "key", broken)
    assert whole_list(read_orders, scene.shop, OPERATOR) == []
    assert check_out_once(scene.shop, anna.actor, anna.id, asked, "key", encoded) == b"order 1 for 7"


@pytest.mark.parametrize("key", ["", " key", "ключ", "k" * 256])
def test_a_key_that_no_header_carries_is_refused(scene: Scene, anna: Person, key: str) -> None:
    asked = scene.ready(anna, scene.unit("dunk", 7))
    with pytest.raises(InvalidFields) as refusal:
        check_out_once(scene.shop, anna.actor, anna.id, asked, key, encoded)
    reason = "must be 1 to 255 printable ASCII characters"
    assert refusal.value.fields == (InvalidField("idempotency_key", reason, FieldCode.MALFORMED),)
    assert scene.in_cart(anna.id) == asked.unit_ids
