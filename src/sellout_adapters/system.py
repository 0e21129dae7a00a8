"""The system's clock and randomness, and a shop composed of the standard adapters."""

import secrets
from datetime import UTC, datetime

from sellout_adapters.extras import naming_extras
from sellout_core.ports.store import Store
from sellout_core.ports.system import Passwords
from sellout_core.shop import Policy, Shop
from sellout_core.values import Clock


def system_clock() -> datetime:
    """Now, in UTC."""
    return datetime.now(UTC)


def random_id() -> str:
    """16 hexadecimal digits from the operating system's source of randomness."""
    return secrets.token_hex(8)


def assemble(
    store: Store,
    secret_key: str,
    policy: Policy | None = None,
    clock: Clock = system_clock,
    passwords: Passwords | None = None,
) -> Shop:
    """A shop over a store, with one-time codes, tokens signed with `secret_key` (at least 32 bytes), usernames held to
    RFC 8265 and, unless others are given, argon2 passwords at their default cost.

    Raises:
        ValueError: the key is too short.
        MissingExtra: `sellout[standard]` is not installed.
    """
    with naming_extras():
        from sellout_adapters.one_time_codes import TotpCodes  # noqa: PLC0415 - an extra
        from sellout_adapters.passwords import Argon2Passwords  # noqa: PLC0415 - an extra
        from sellout_adapters.tokens import JwtTokens  # noqa: PLC0415 - an extra
        from sellout_adapters.usernames import username_fault  # noqa: PLC0415 - an extra

    return Shop(
        store=store,
        passwords=passwords or Argon2Passwords(),
        tokens=JwtTokens(secret_key, clock),
        one_time_codes=TotpCodes(),
        clock=clock,
        random_id=random_id,
        policy=policy or Policy(),
        username_rule=username_fault,
    )
