"""The shop as use cases see it: the ports they go through and the policy they follow."""

from datetime import UTC, timedelta, tzinfo

import attrs

from sellout_core.ports.store import Store
from sellout_core.ports.system import Passwords, Randomness, Tokens
from sellout_core.values import Clock


@attrs.frozen
class Policy:
    """What a shop decides for itself.

    `min_password_length` counts characters and `refuse_common_passwords` turns down what is guessed first; a promo
    code's last day ends at midnight in `time_zone`.
    """

    min_password_length: int = 8
    refuse_common_passwords: bool = True
    access_lifetime: timedelta = timedelta(days=1)
    refresh_lifetime: timedelta = timedelta(days=7)
    time_zone: tzinfo = UTC
    answers_kept: timedelta = timedelta(hours=24)


@attrs.frozen
class Shop:
    """The first argument of every use case."""

    store: Store
    passwords: Passwords
    tokens: Tokens
    clock: Clock
    random_id: Randomness
    policy: Policy = Policy()
