"""The laws find bugs: each planted bug violates its law."""

from pathlib import Path

import attrs
import pytest

from tests.consistency.planted import BUGS
from tests.consistency.planted_events import EVENT_BUGS
from tests.consistency.run import Plan, deployed, fill, run

PLAN = Plan(
    seed=1,
    buyers=10,
    staff=6,
    rounds=0,
    seconds=1,
    commands=150,
    reprices=1,
    plenty=4,
    scarce=6,
    stock=(2, 6),
    pause=(0.2, 0.4),
)
# All four kinds of faults on SQLite, for bugs that need a kill to show.
KILLS = attrs.evolve(PLAN, rounds=4, seconds=1)

SEEN_BY = {
    "ignored_key": "a_purchase_is_one_order",
    "missing_decrement": "stock_adds_up",
    "off_by_one_limit": "promo_codes_are_counted",
    "counted_twice": "promo_codes_are_counted",
    "split_transaction": "carts_are_intact_or_ordered",
    "acknowledged_before_commit": "acknowledged_orders_are_there_unchanged",
    "read_then_write": "stock_adds_up",
    "lost_cart_clear": "carts_are_intact_or_ordered",
    "wrong_rounding": "totals_are_right",
    "missing_ownership_check": "other_users_objects_are_refused",
    "stale_price": "prices_were_current",
    "lost_line": "orders_are_what_was_asked",
    "resurrecting_import": "stock_adds_up",
    "double_refund": "histories_give_the_present",
    "piece_returned_twice": "stock_ledgers_add_up",
    "capture_after_cancel": "payments_cover_what_is_left",
    "share_lost_to_rounding": "shares_add_up",
    "refund_above_line": "payments_cover_what_is_left",
    "fee_refunded_twice": "payments_cover_what_is_left",
    "fee_never_charged": "deliveries_are_what_was_asked",
    "activation_given_back_twice": "promo_codes_are_counted",
    "activation_kept": "promo_codes_are_counted",
    "unrecorded_move": "commands_are_recorded_once",
    "lost_move": "histories_give_the_present",
    "count_ignores_sold": "stock_ledgers_add_up",
    "lost_update": "updates_are_not_lost",
    "merge_leaves_references": "merged_rows_are_gone",
    "unaudited_change": "changes_are_audited_once",
    "unpaid_orders_stay": "unpaid_orders_expire",
    "refund_not_subtracted": "buyers_paid_what_was_captured",
    "event_before_commit": "every_change_has_its_event",
    "events_after_commit": "prices_follow_their_events",
    "lost_on_retry": "every_change_has_its_event",
    "dead_after_one_failure": "every_change_has_its_event",
    "out_of_order_after_failure": "events_arrive_in_order",
    "sent_for_ever": "accepted_events_do_not_come_again",
    "address_in_event": "events_have_their_members_alone",
    "signature_over_parsed_body": "events_are_signed",
    "first_event_alone": "every_change_has_its_event",
    "batch_cut_short": "every_change_has_its_event",
    "unwanted_kinds": "receivers_get_what_they_want",
    "followed_redirect": "receivers_get_what_they_want",
}
NEED_KILLS = {"split_transaction"}
# An order that expires would give back an activation that was not counted, which fails and ends the run.
WITHOUT_EXPIRY = {"off_by_one_limit"}


def test_every_bug_has_a_law() -> None:
    assert SEEN_BY.keys() == BUGS.keys()


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the goods of all plans in this module."""
    folder = tmp_path_factory.mktemp("filled")
    with deployed(PLAN, folder) as deployment:
        fill(PLAN, deployment)
    return folder


@pytest.mark.parametrize("plan", [PLAN, KILLS], ids=["plain", "with kills"])
def test_without_a_bug_no_law_is_violated(plan: Plan, filled: Path) -> None:
    """A law that is always violated would see every bug."""
    outcome = run(plan, filled)
    assert outcome.violations == []


FIRST_OF_THEIR_LAW = {law: bug for bug, law in reversed(SEEN_BY.items())}.values()
"""The bugs that `nox -t deep` plants: each run takes half a minute."""


@pytest.mark.parametrize(
    "bug",
    [bug if bug in FIRST_OF_THEIR_LAW else pytest.param(bug, marks=pytest.mark.known_law) for bug in BUGS],
)
def test_a_planted_bug_is_seen(bug: str, filled: Path) -> None:
    """Which requests meet is a matter of time, so a run that misses the bug is repeated."""
    plan = KILLS if bug in NEED_KILLS else PLAN
    plan = attrs.evolve(plan, reprices=0) if bug in WITHOUT_EXPIRY else plan
    plan = attrs.evolve(plan, receivers=True, commands=80) if bug in EVENT_BUGS else attrs.evolve(plan, receivers=False)
    code = f"from tests.consistency.planted import main; main({bug!r})"
    for _ in range(3):
        outcome = run(attrs.evolve(plan, code=code), filled)
        if SEEN_BY[bug] in {violation.law for violation in outcome.violations}:
            return
    raise AssertionError(outcome.figures())
