"""Views of loaded objects, in a case that no store can cause."""

from datetime import UTC, datetime

import attrs

from sellout_core.catalogue.products import References
from sellout_core.people.accounts import Registration, User
from sellout_core.values import ProductId, UserId
from sellout_core.views import user_view
from tests.unit.shop_scene import Scene


def test_a_viewed_product_that_was_not_loaded_is_left_out(scene: Scene) -> None:
    goods = scene.goods("dunk")
    products = scene.store.read(lambda tx: tx.products.get_many([goods.product_id]))
    references: References = scene.store.read(lambda tx: tx.references.snapshot())
    new = Registration("anna", "a password").new_user(datetime(2026, 3, 1, tzinfo=UTC))
    user = User.of(UserId(1), attrs.evolve(new, last_viewed=(ProductId(999), goods.product_id)))
    assert user_view(user, products, references).last_viewed == (products[goods.product_id],)
