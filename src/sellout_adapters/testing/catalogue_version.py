"""The law of the catalogue's version, for stores whose catalogue documents a server caches."""

from typing import Protocol

import attrs

from sellout_adapters.testing.harness import pytest
from sellout_adapters.testing.scene import Scene, checkout_request, product_entry, shoe_size, unit_entry
from sellout_core.accounts import Actor
from sellout_core.ports.store import Store
from sellout_core.use_cases.checkout import check_out
from sellout_core.values import Money


class VersionedStore(Store, Protocol):
    """A store that knows the version of its catalogue."""

    def catalogue_version(self) -> int:
        """The version now."""

    def recent_catalogue_version(self) -> int | None:
        """A version of the last second, not before this store's own last commit; None if it is not known."""


class CatalogueVersionContract:
    """What a server relies on when it caches documents of the catalogue."""

    def test_the_catalogue_has_a_new_version_after_each_change_of_it_and_only_then(self, store: VersionedStore) -> None:
        """Products and units that are added, written or sold out change it; nothing else does, nor what is undone."""
        scene, seen = Scene(store), [store.catalogue_version()]
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
