"""A short read that turns out to be long runs in a thread of the client's share, not on the event loop."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import attrs
import pytest

from sellout_adapters.testing.scene import Scene, product_entry, shoe_size, unit_entry
from sellout_core.people.accounts import OPERATOR, Registration
from sellout_core.ports.store import Store
from sellout_core.use_cases.people.registration import register
from sellout_core.use_cases.people.sessions import read_token
from sellout_core.use_cases.shopping.wishlists import add_to_wishlist
from sellout_core.values import MAX_CART, MAX_PAGE_SIZE, UserId
from sellout_http.api.queries import catalogue_query
from sellout_http.runtime.executor import Workload
from sellout_http.runtime.threads import LONG_READ_THREADS
from tests.contract.conftest import PERSISTENT
from tests.contract.support.shop import problem_of, serving_shop, shop_over

FEW = 5
CART, WISHLIST = "/order/cart/{}", "/wishlist/{}"
LARGE_PAGE, SMALL_PAGE = f"/product/all/1?page_size={MAX_PAGE_SIZE}", f"/product/all/1?page_size={FEW}"


@attrs.frozen
class Holder:
    """A user with `number` units in the cart and as many in the wishlist."""

    user_id: UserId
    headers: dict[str, str]
    number: int


@pytest.fixture(params=PERSISTENT)
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    with PERSISTENT[request.param](tmp_path) as opened:
        yield opened


@pytest.fixture
def holders(store: Store) -> Sequence[Holder]:
    """A user with few units, and a user with many."""
    scene, shop = Scene(store), shop_over(store)
    units = [
        unit
        for number in range(MAX_CART)
        for unit in scene.sell(product_entry(f"p{number}", unit_entry(10 + number, shoe_size("41"))))[1]
    ]
    holders = []
    for number in (FEW, MAX_CART):
        access = register(shop, Registration(f"holder{number}", "password")).access
        user_id = read_token(shop, access, "access").user_id
        scene.fill_cart(user_id, *(unit.id for unit in units[:number]))
        for unit in units[:number]:
            add_to_wishlist(shop, OPERATOR, user_id, unit.product_id, unit.size.id)
        holders.append(Holder(user_id, {"Authorization": f"Bearer {access}"}, number))
    return holders


def test_a_long_read_has_the_same_response_as_a_short_one(store: Store, holders: Sequence[Holder]) -> None:
    with serving_shop(shop_over(store)) as served:
        for holder in holders:
            for _ in range(2):  # the second time, the path is known to be long
                cart = served.client.get(CART.format(holder.user_id), headers=holder.headers).json()
                assert len(cart["product_units"]) == holder.number
                wishlist = served.client.get(WISHLIST.format(holder.user_id), headers=holder.headers).json()
                assert len(wishlist) == holder.number
        assert len(served.client.get(LARGE_PAGE).json()["items"]) == MAX_PAGE_SIZE


def test_short_reads_take_no_place_of_long_ones(
    store: Store, holders: Sequence[Holder], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Short reads are answered while no long read has a place."""
    monkeypatch.setattr("sellout_http.app.WAITING_LONG_READS", -LONG_READ_THREADS)
    with serving_shop(shop_over(store)) as served:
        short, long = holders
        for path in (CART, WISHLIST):
            assert served.client.get(path.format(short.user_id), headers=short.headers).status_code == 200
            for _ in range(2):
                response = served.client.get(path.format(long.user_id), headers=long.headers)
                problem_of(response, 503, "unavailable_now")
        problem_of(served.client.get(LARGE_PAGE), 503, "unavailable_now")
        # It reads the ids of the whole wishlist, which are fewer values than the limit.
        assert served.client.get(SMALL_PAGE, headers=long.headers).status_code == 200


@pytest.mark.parametrize(
    ("query", "workload"),
    [
        (b"", Workload.DOCUMENT_READ),
        (b"page_size=50", Workload.DOCUMENT_READ),
        (b"page_size=51", Workload.LONG_READ),
        (b"page_size=", Workload.DOCUMENT_READ),
        (b"page_size=99999", Workload.SEARCH),
        (b"page_size=50&q=x", Workload.SEARCH),
    ],
)
def test_a_large_page_is_a_long_read_from_the_start(query: bytes, workload: Workload) -> None:
    """The event loop does not read it in vain."""
    assert catalogue_query.workload(query) is workload
