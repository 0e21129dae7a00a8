"""Laws of transactions: atomic, isolated, durable, and the same on all databases."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from typing import Any

import attrs

from sellout_adapters.testing.harness import pytest
from sellout_adapters.testing.laws.people.accounts import NOW, new_user
from sellout_adapters.testing.laws.races import RACERS, racing
from sellout_adapters.testing.scene import Scene, product_entry
from sellout_core import errors
from sellout_core.catalogue.products import ReferenceNames
from sellout_core.people.accounts import NewAddress, Session
from sellout_core.ports.store import Store, Transaction
from sellout_core.shopping.ordering import NewPromoCode
from sellout_core.values import Money, SessionId


class TransactionLaws:
    """Laws of transactions: atomic, isolated, durable, and the same on all databases."""

    def test_an_exception_rolls_back_all_writes_and_is_raised(self, store: Store) -> None:
        class Stop(BaseException):
            pass

        stop = Stop()

        def work(tx: Transaction) -> None:
            user = tx.users.add(new_user("anna"), "hash")
            tx.carts.create(user.id)
            tx.addresses.add(user.id, NewAddress("street", ""))
            tx.references.ensure(ReferenceNames(brands=frozenset({"Nike"})))
            raise stop

        with pytest.raises(Stop) as caught:
            store.write(work)
        assert caught.value is stop
        assert store.read(lambda tx: tx.users.after(0, 1_000)) == []
        assert store.read(lambda tx: tx.credentials.by_username("anna")) is None
        assert list(store.read(lambda tx: tx.references.snapshot()).brands) == []
        assert store.write(lambda tx: tx.users.add(new_user("anna"), "hash")).username == "anna"

    def test_a_rolled_back_reference_is_never_read(self, store: Store) -> None:
        def fails(tx: Transaction) -> None:
            tx.references.ensure(ReferenceNames(brands=frozenset({"Lost"})))
            raise errors.NotFound

        with pytest.raises(errors.NotFound):
            store.write(fails)
        scene = Scene(store)
        product, _ = scene.sell(product_entry("one", brands=("Kept",)))
        references = store.read(lambda tx: tx.references.snapshot())
        assert [references.brands[brand_id].name for brand_id in product.brand_ids] == ["Kept"]

    def test_a_read_sees_one_snapshot(self, store: Store) -> None:
        def work(tx: Transaction) -> tuple[int, int]:
            before = len(tx.users.after(0, 1_000))
            writer = threading.Thread(target=lambda: store.write(lambda tx: tx.users.add(new_user("anna"), "hash")))
            writer.start()
            writer.join()
            return before, len(tx.users.after(0, 1_000))

        assert store.read(work) == (0, 0)
        assert len(store.read(lambda tx: tx.users.after(0, 1_000))) == 1

    def test_uncommitted_rows_are_invisible(self, store: Store) -> None:
        def work(tx: Transaction) -> int:
            tx.users.add(new_user("anna"), "hash")
            with ThreadPoolExecutor(1) as pool:
                return pool.submit(lambda: len(store.read(lambda other: other.users.after(0, 1_000)))).result()

        assert store.write(work) == 0

    def test_concurrent_updates_are_not_lost(self, store: Store) -> None:
        user = store.write(lambda tx: tx.users.add(new_user("anna"), "hash"))

        def spend(_: int) -> None:
            def work(tx: Transaction) -> None:
                found = tx.users.for_update(user.id)
                assert found is not None
                tx.users.save(attrs.evolve(found, purchased_total=Money(found.purchased_total + 1)))

            for _ in range(5):
                store.write(work)

        racing(RACERS, spend)
        assert store.read(lambda tx: tx.users.get_many([user.id]))[user.id].purchased_total == 5 * RACERS

    def test_a_transaction_cannot_be_used_after_its_work(self, store: Store) -> None:
        kept: list[Transaction] = []
        store.read(kept.append)
        store.write(kept.append)
        for tx in kept:
            with pytest.raises(Exception):
                tx.users.after(0, 1_000)

    def test_the_result_of_the_work_is_returned(self, store: Store) -> None:
        assert store.read(lambda _: "read") == "read"
        assert store.write(lambda _: "written") == "written"

    def test_a_transaction_goes_on_after_a_taken_name(self, store: Store) -> None:
        anna = store.write(lambda tx: tx.users.add(new_user("anna"), "hash"))
        boris = store.write(lambda tx: tx.users.add(new_user("boris"), "hash"))
        new = NewPromoCode(code="SALE", owner_id=anna.id, max_activation_count=1, active_until=date(2099, 12, 31))

        def work(tx: Transaction) -> None:
            tx.promo_codes.add(new)
            with pytest.raises(errors.UsernameTaken):
                tx.users.add(new_user("ANNA"), "hash")
            with pytest.raises(errors.UsernameTaken):
                tx.users.save(attrs.evolve(boris, username="ANNA"))
            with pytest.raises(errors.PromoCodeTaken):
                tx.promo_codes.add(attrs.evolve(new, code="sale"))
            tx.users.save(attrs.evolve(boris, first_name="Boris"))

        store.write(work)
        assert [user.first_name for user in store.read(lambda tx: tx.users.after(0, 1_000))] == ["", "Boris"]
        assert store.read(lambda tx: tx.promo_codes.by_code("SALE")) is not None

    @pytest.mark.parametrize("text", ["a\0b", "\0", "\ud800", "x" * 100_000, ""])
    def test_an_invalid_name_matches_nothing(self, store: Store, text: str) -> None:
        def work(tx: Transaction) -> list[Any]:
            return [tx.credentials.by_username(text), tx.promo_codes.by_code(text), *tx.products.by_sku([text, "one"])]

        assert store.read(work) == [None, None]
        assert store.write(work) == [None, None]

    def test_ids_ascend_across_rollbacks(self, store: Store) -> None:
        def fails(tx: Transaction) -> None:
            tx.users.add(new_user("unknown"), "hash")
            raise errors.NotFound

        first = store.write(lambda tx: tx.users.add(new_user("anna"), "hash"))
        with pytest.raises(errors.NotFound):
            store.write(fails)
        second = store.write(lambda tx: tx.users.add(new_user("boris"), "hash"))
        assert first.id < second.id
        assert store.read(lambda tx: tx.users.after(0, 1_000)) == [first, second]

    def test_platforms_may_differ_at_the_end_of_a_long_site(self, store: Store) -> None:
        sites = [f"/{'ж' * 1_998}{end}" for end in "ab"]
        names = ReferenceNames(platforms=frozenset(("Poizon", site) for site in sites))
        for _ in range(2):
            rows = store.write(lambda tx: tx.references.ensure(names)).platforms.values()
            assert sorted(row.site for row in rows) == sites

    def test_for_update_in_a_read_locks_nothing(self, store: Store) -> None:
        user = store.write(lambda tx: tx.users.add(new_user("anna"), "hash"))
        session = Session(SessionId("0123456789abcdef"), user.id, "print", NOW)
        store.write(lambda tx: tx.sessions.add(session))

        def work(tx: Transaction) -> list[Any]:
            found = [tx.users.for_update(user.id), tx.sessions.for_update(session.id)]
            writer = threading.Thread(
                target=lambda: store.write(lambda tx: tx.users.save(attrs.evolve(user, email="x")))
            )
            writer.start()
            writer.join()
            return found

        assert store.read(work) == [user, session]
        assert store.read(lambda tx: tx.users.get_many([user.id]))[user.id].email == "x"
