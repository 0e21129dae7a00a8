"""The law of the catalogue's version, for stores whose catalogue documents a server caches."""

from typing import Protocol

import attrs

from sellout_adapters.testing.harness import pytest
from sellout_adapters.testing.scene import Scene, checkout_request, product_entry, shoe_size, unit_entry
from sellout_core.catalogue.pictures import StoredPicture
from sellout_core.people.accounts import OPERATOR, Actor
from sellout_core.ports.store import Store
from sellout_core.use_cases.catalogue import pictures
from sellout_core.use_cases.shopping.checkout import check_out
from sellout_core.values import Money


class VersionedStore(Store, Protocol):
    """A store with a catalogue version."""

    def catalogue_version(self) -> int:
        """The current version."""

    def recent_catalogue_version(self) -> int | None:
        """The version if it was read in the last second and after this store's last commit, otherwise None."""


class CatalogueVersionContract:
    """The contract that a cache of catalogue documents relies on."""

    def test_the_version_changes_only_with_the_catalogue(self, store: VersionedStore) -> None:
        """Only committed additions, changes and sales of last pieces change it."""
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
        pictures.add_picture(scene.shop, OPERATOR, limited.product_id, StoredPicture("0" * 48, 1, 1))
        assert changed()
        scene.promo_code("SALE", anna)
        for expected in (False, True):
            scene.fill_cart(anna, limited.id, on_demand.id)
            check_out(
                scene.shop, Actor(anna), anna, checkout_request(address, limited.id, on_demand.id, promo_code="SALE")
            )
            assert changed() is expected
        assert len(set(seen)) == 5
