"""The laws of what lists are read by: every row once, by id, from any id on."""

from collections.abc import Callable, Sequence
from typing import Any

from sellout_adapters.testing.scene import Scene, checkout_request, product_entry
from sellout_core.accounts import Actor
from sellout_core.use_cases.checkout import check_out


def are_walked(after: Callable[[int, int], Sequence[Any]], ids: Sequence[int]) -> None:
    """Asserts that `after` gives the rows of five ids each once, in order, whatever id they come after."""
    assert [row.id for row in [*after(0, 2), *after(ids[1], 2), *after(ids[3], 9)]] == list(ids)
    assert [row.id for row in after(ids[2] - 1, 1)] == [ids[2]]
    assert [row.id for row in after(-1, 9)] == [row.id for row in after(-(2**70), 9)] == list(ids)
    for beyond in (ids[-1], 2**53 - 1, 2**53, 2**70):
        assert after(beyond, 9) == []


class ListContract:
    """What `after` promises, of products, users and orders."""

    def test_products_are_walked_by_id(self, scene: Scene) -> None:
        ids = [scene.sell(product_entry(f"p{n}", available_flag=n % 2 == 0))[0].id for n in range(5)]
        are_walked(lambda after, limit: scene.store.read(lambda tx: tx.products.after(after, limit)), ids)

    def test_users_are_walked_by_id(self, scene: Scene) -> None:
        ids = [scene.user(f"user{n}") for n in range(5)]
        are_walked(lambda after, limit: scene.store.read(lambda tx: tx.users.after(after, limit)), ids)
        scene.address(ids[1])
        walked = scene.store.read(lambda tx: tx.users.after(0, 3))
        found = scene.store.read(lambda tx: tx.users.get_many(ids))
        assert walked == [found[user_id] for user_id in ids[:3]]
        assert [len(user.addresses) for user in walked] == [0, 1, 0]

    def test_orders_are_walked_by_id(self, scene: Scene) -> None:
        buyers, unit_id = [scene.user(f"buyer{n % 2}{n}") for n in range(5)], scene.unit("one", 7)
        for buyer in buyers:
            scene.fill_cart(buyer, unit_id)
            check_out(scene.shop, Actor(buyer), buyer, checkout_request(scene.address(buyer), unit_id))
        orders = scene.store.read(lambda tx: [order for buyer in buyers for order in tx.orders.of(buyer)])
        ids = [order.id for order in orders]
        are_walked(lambda after, limit: scene.store.read(lambda tx: tx.orders.after(after, limit)), ids)
        assert scene.store.read(lambda tx: tx.orders.after(0, 5)) == orders
