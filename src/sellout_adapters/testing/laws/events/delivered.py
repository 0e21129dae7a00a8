"""What becomes of the events of real changes, on every store."""

from collections.abc import Sequence

import attrs

from sellout_adapters.testing.laws.fulfilment.fulfilment import bought, cancel, deliver, history_of, units_of
from sellout_adapters.testing.laws.races import RACERS, racing
from sellout_adapters.testing.scene import Scene, product_entry, unit_entry
from sellout_core.events.event import Event
from sellout_core.events.kinds import KINDS
from sellout_core.fulfilment.lifecycle import Event as HistoryKind
from sellout_core.fulfilment.progress import LineRequest
from sellout_core.people.accounts import OPERATOR
from sellout_core.use_cases.catalogue.importing.writing import import_products
from sellout_core.use_cases.events.dispatching import delete_delivered_events, dispatch_events, settle_lane, take_lane
from sellout_core.use_cases.events.services import deliver_to_service, subscribe_service
from sellout_core.use_cases.shopping.fulfilment import request_return


def names_of(events: Sequence[Event], subject: str) -> list[str]:
    """The names of the events of a subject, in order."""
    return [event.name for event in events if event.subject == subject]


def all_events(scene: Scene) -> Sequence[Event]:
    """All events of the shop."""
    return scene.store.read(lambda tx: tx.events.after(0, 1_000))


class EventLaws:
    """Events of changes."""

    def test_each_change_has_its_events(self, scene: Scene) -> None:
        order = bought(scene)
        one, _ = units_of(order)
        deliver(scene, order)
        request_return(scene.shop, OPERATOR, order.id, LineRequest(unit_ids=(one,)))
        events = all_events(scene)
        subject = f"order/{order.id}"
        assert names_of(events, f"user/{order.buyer_id}") == ["user.registered"]
        assert names_of(events, f"product_unit/{one}") == ["product_unit.out_of_stock"]
        assert names_of(events, subject)[0] == "order.placed"
        assert names_of(events, subject)[-1] == "order.return_requested"
        assert names_of(events, subject).count("order.parcel_shipped") == 1
        moves = [entry for entry in history_of(scene, order) if entry.event is HistoryKind.LINE_MOVED]
        assert [
            (event.data["unit_id"], event.data["from"], event.data["to"])
            for event in events
            if event.name == "order.line_moved"
        ] == [(entry.unit_id, entry.source, entry.target) for entry in moves]

    def test_a_cancelled_order_puts_its_units_back(self, scene: Scene) -> None:
        order = bought(scene)
        one, other = units_of(order)
        cancel(scene, order, one)
        cancel(scene, order, other)
        events = all_events(scene)
        assert names_of(events, f"product_unit/{one}")[-1] == "product_unit.back_in_stock"
        assert names_of(events, f"order/{order.id}") == [
            "order.placed",
            "order.line_moved",
            "order.line_moved",
            "order.payment_voided",
            "order.cancelled",
        ]

    def test_an_import_has_an_event_for_each_changed_price(self, scene: Scene) -> None:
        entries = [product_entry(f"shoe {number}", unit_entry(100)) for number in range(3)]
        import_products(scene.shop, OPERATOR, entries)
        assert all_events(scene) == []
        dearer = [attrs.evolve(entry, units=(unit_entry(120, currency="USD"),)) for entry in entries[1:]]
        import_products(scene.shop, OPERATOR, [entries[0], *dearer])
        changes = all_events(scene)
        assert [(event.name, event.data["price"], event.data["currency"]) for event in changes] == [
            ("product_unit.price_changed", 120, "USD")
        ] * 2
        assert {(event.data["previous_price"], event.data["previous_currency"]) for event in changes} == {(100, "RUB")}
        import_products(scene.shop, OPERATOR, entries, dry_run=True)
        assert all_events(scene) == changes

    def test_every_event_has_the_members_of_its_kind(self, scene: Scene) -> None:
        order = bought(scene)
        deliver(scene, order)
        for event in all_events(scene):
            kind = KINDS[event.name]
            assert list(event.data) == [member.name for member in kind.members]
            assert event.version == kind.version
            assert event.subject.partition("/")[0] == kind.subject
            assert (event.buyer_id == order.buyer_id) == (kind.subject == "order")

    def test_a_service_gets_the_events_that_it_wants_in_order(self, scene: Scene) -> None:
        subscribe_service(scene.shop, OPERATOR, "warehouse", ["order.placed", "order.line_moved"])
        orders = [bought(scene, name) for name in ("anna", "boris")]
        for order in orders:
            cancel(scene, order)
        got: list[Event] = []
        assert deliver_to_service(scene.shop, OPERATOR, "warehouse", got.append) == len(got)
        assert got == [event for event in all_events(scene) if event.name in ("order.placed", "order.line_moved")]
        assert deliver_to_service(scene.shop, OPERATOR, "warehouse", got.append) == 0

    def test_a_failing_event_holds_back_those_of_its_subject_alone(self, scene: Scene) -> None:
        subscribe_service(scene.shop, OPERATOR, "warehouse", ["order.placed", "order.line_moved"])
        one, other = bought(scene, "anna"), bought(scene, "boris")
        cancel(scene, one)
        cancel(scene, other)
        got: list[Event] = []

        def refuse(event: Event) -> None:
            if event.subject == f"order/{one.id}":
                raise ValueError
            got.append(event)

        assert deliver_to_service(scene.shop, OPERATOR, "warehouse", refuse) == 3
        assert {event.subject for event in got} == {f"order/{other.id}"}
        scene.clock.advance(seconds=6)
        assert deliver_to_service(scene.shop, OPERATOR, "warehouse", got.append) == 3
        assert names_of(got, f"order/{one.id}") == ["order.placed", "order.line_moved", "order.line_moved"]

    def test_a_lane_whose_lease_has_ended_is_settled_by_its_new_process_alone(self, scene: Scene) -> None:
        subscribe_service(scene.shop, OPERATOR, "warehouse")
        scene.user("anna")
        dispatch_events(scene.shop, OPERATOR)
        slow = take_lane(scene.shop, OPERATOR, "warehouse")
        assert slow is not None
        assert take_lane(scene.shop, OPERATOR, "warehouse") is None
        scene.clock.advance(minutes=3)
        fast = take_lane(scene.shop, OPERATOR, "warehouse")
        assert fast is not None
        assert fast.deliveries == slow.deliveries
        [event_id] = [delivery.id for delivery in fast.deliveries]
        settle_lane(scene.shop, OPERATOR, slow, {event_id: "refused"})
        settle_lane(scene.shop, OPERATOR, fast, {event_id: None})
        assert scene.store.read(lambda tx: tx.deliveries.after(fast.subscription.id, 0, 9)) == []

    def test_concurrent_processes_deliver_every_event_in_order(self, scene: Scene) -> None:
        subscribe_service(scene.shop, OPERATOR, "warehouse")
        got: list[Event] = []
        units = [scene.unit(f"shoe {number}", 100) for number in range(RACERS)]

        def work(number: int) -> None:
            for price in range(1, 6):
                entry = product_entry(f"shoe {number}", unit_entry(price))
                import_products(scene.shop, OPERATOR, [entry])
                deliver_to_service(scene.shop, OPERATOR, "warehouse", got.append)

        assert racing(RACERS, work) == [None] * RACERS
        deliver_to_service(scene.shop, OPERATOR, "warehouse", got.append)
        for unit in units:
            changes = [event for event in got if event.subject == f"product_unit/{unit}"]
            prices = list(dict.fromkeys(event.data["price"] for event in changes))
            assert prices == [1, 2, 3, 4, 5]

    def test_delivered_events_are_deleted_after_a_week(self, scene: Scene) -> None:
        subscribe_service(scene.shop, OPERATOR, "warehouse")
        scene.user("anna")
        scene.clock.advance(days=6, hours=23)
        assert deliver_to_service(scene.shop, OPERATOR, "warehouse", lambda _: None) == 1
        assert delete_delivered_events(scene.shop, OPERATOR) == 0
        scene.user("boris")
        scene.clock.advance(hours=1)
        assert delete_delivered_events(scene.shop, OPERATOR) == 1
        assert [event.subject for event in all_events(scene)] == ["user/2"]
