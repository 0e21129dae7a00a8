"""Second factors of users, for operations that need one."""

from collections.abc import Callable, Mapping
from typing import Final

import httpx2

from sellout_adapters import demo
from sellout_adapters.testing.credentials import code_at
from sellout_core.people.second_factors import SecondFactor, SecondFactorCode
from sellout_core.ports.store import Transaction
from sellout_core.shop import Shop
from sellout_core.values import UserId
from tests.contract.support.secrecy import RECOVERY_CODE, SECOND_FACTOR_SECRET


def beginning(shop: Shop, user_id: UserId) -> str:
    """Gives a user a secret to confirm. Returns a code of it."""
    shop.store.write(lambda tx: tx.second_factors.save(SecondFactor(user_id, SECOND_FACTOR_SECRET)))
    return code_at(SECOND_FACTOR_SECRET, shop.clock())


def turning_on(shop: Shop, user_id: UserId) -> str:
    """Gives a user a second factor. Returns a recovery code."""

    def work(tx: Transaction) -> None:
        tx.second_factors.save(SecondFactor(user_id, SECOND_FACTOR_SECRET, is_on=True))
        tx.second_factors.replace_recovery_codes(user_id, [SecondFactorCode(RECOVERY_CODE).fingerprint])

    shop.store.write(work)
    return RECOVERY_CODE


CODES: Final[Mapping[str, Callable[[Shop, UserId], str]]] = {
    "confirm_second_factor": beginning,
    "renew_recovery_codes": turning_on,
    "turn_off_second_factor": turning_on,
    "reset_second_factor": turning_on,
}
"""Makes an operation possible for a user, and returns the code of its body, by the operation."""


def set_up(client: httpx2.Client, shop: Shop, user_id: UserId, headers: Mapping[str, str]) -> tuple[str, list[str]]:
    """Turns the second factor of a user on over HTTP. Returns the secret and the recovery codes."""
    password = {"password": demo.PASSWORD}
    begun = client.post(f"/user/second_factor/{user_id}", json=password, headers=headers)
    assert begun.status_code == 200, begun.text
    secret = begun.json()["secret"]
    code = {"code": code_at(secret, shop.clock())}
    confirmed = client.post(f"/user/second_factor/confirm/{user_id}", json=code, headers=headers)
    assert confirmed.status_code == 200, confirmed.text
    return secret, confirmed.json()["recovery_codes"]
