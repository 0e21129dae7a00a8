"""Laws of second factors and recovery codes."""

from typing import Any

from sellout_adapters.testing.credentials import code_at
from sellout_adapters.testing.laws.people.identity import user
from sellout_adapters.testing.laws.races import RACERS, racing
from sellout_adapters.testing.scene import PASSWORD, Scene
from sellout_core.people.accounts import Actor, TokenPair
from sellout_core.people.refusals import BadCode
from sellout_core.people.second_factors import SecondFactor, SecondFactorCode
from sellout_core.ports.store import Store, Transaction
from sellout_core.use_cases.people.account.deletion import delete_account
from sellout_core.use_cases.people.second_factors import begin_second_factor, confirm_second_factor
from sellout_core.use_cases.people.sessions import log_in
from sellout_core.values import UserId

SECRET = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"  # noqa: S105 - a secret of these laws


def save(store: Store, factor: SecondFactor) -> None:
    """Writes a second factor."""

    def work(tx: Transaction) -> None:
        tx.users.for_update(factor.user_id)
        tx.second_factors.save(factor)

    store.write(work)


def replace_codes(store: Store, user_id: UserId, *fingerprints: str) -> None:
    """Replaces the recovery codes of a user."""
    store.write(lambda tx: tx.second_factors.replace_recovery_codes(user_id, fingerprints))


def found(store: Store, user_id: UserId) -> SecondFactor | None:
    """The second factor of a user."""
    return store.read(lambda tx: tx.second_factors.of(user_id))


def use_step(store: Store, user_id: UserId, step: int) -> bool:
    """Uses a time step."""
    return store.write(lambda tx: tx.second_factors.use_step(user_id, step))


def take_code(store: Store, user_id: UserId, fingerprint: str) -> bool:
    """Takes a recovery code."""
    return store.write(lambda tx: tx.second_factors.take_recovery_code(user_id, fingerprint))


def turned_on(scene: Scene, username: str) -> tuple[UserId, str, list[str]]:
    """Registers a user with a second factor. Returns the id, the secret and the recovery codes."""
    user_id = scene.user(username)
    secret = begin_second_factor(scene.shop, Actor(user_id), user_id, PASSWORD).secret
    code = SecondFactorCode(code_at(secret, scene.clock.now))
    codes = confirm_second_factor(scene.shop, Actor(user_id), user_id, code, "en")
    return user_id, secret, list(codes)


class SecondFactorLaws:
    """A time step and a recovery code are used once."""

    def test_a_second_factor_comes_back_as_stored(self, store: Store) -> None:
        anna, boris = user(store), user(store, "boris")
        assert found(store, anna) is None
        for factor in (
            SecondFactor(anna, SECRET),
            SecondFactor(anna, SECRET, is_on=True, last_step=2**40),
            SecondFactor(anna, SECRET[::-1]),
        ):
            save(store, factor)
            assert found(store, anna) == factor
        assert found(store, boris) is None

    def test_its_number_of_recovery_codes_is_that_of_the_stored_ones(self, store: Store) -> None:
        anna, boris = user(store), user(store, "boris")
        for owner in (anna, boris):
            save(store, SecondFactor(owner, SECRET, is_on=True))
        replace_codes(store, anna, "one", "two")
        replace_codes(store, boris, "one")
        assert found(store, anna) == SecondFactor(anna, SECRET, is_on=True, recovery_codes=2)
        save(store, SecondFactor(anna, SECRET, recovery_codes=9))
        assert found(store, anna) == SecondFactor(anna, SECRET, recovery_codes=2)
        replace_codes(store, anna, "three")
        assert [take_code(store, anna, name) for name in ("one", "two", "three")] == [False, False, True]
        assert not take_code(store, anna, "three")
        assert take_code(store, boris, "one")

    def test_a_time_step_only_moves_forward(self, store: Store) -> None:
        anna, boris = user(store), user(store, "boris")
        for owner in (anna, boris):
            save(store, SecondFactor(owner, SECRET, is_on=True, last_step=5))
        assert [step for step in (4, 5, 6, 6, 5, 8, 7) if use_step(store, anna, step)] == [6, 8]
        assert found(store, anna) == SecondFactor(anna, SECRET, is_on=True, last_step=8)
        assert found(store, boris) == SecondFactor(boris, SECRET, is_on=True, last_step=5)

    def test_without_a_second_factor_no_time_step_is_used(self, store: Store) -> None:
        anna, boris = user(store), user(store, "boris")
        save(store, SecondFactor(anna, SECRET))
        assert not use_step(store, anna, 1)
        assert not use_step(store, boris, 1)
        assert found(store, anna) == SecondFactor(anna, SECRET)

    def test_a_deleted_second_factor_is_gone_with_its_recovery_codes(self, store: Store) -> None:
        anna, boris = user(store), user(store, "boris")
        for owner in (anna, boris):
            save(store, SecondFactor(owner, SECRET, is_on=True))
            replace_codes(store, owner, "one")
        assert [store.write(lambda tx: tx.second_factors.delete(anna)) for _ in range(2)] == [True, False]
        assert found(store, anna) is None
        save(store, SecondFactor(anna, SECRET))
        assert not take_code(store, anna, "one")
        assert found(store, boris) == SecondFactor(boris, SECRET, is_on=True, recovery_codes=1)

    def test_of_many_one_uses_a_time_step_and_one_a_recovery_code(self, store: Store) -> None:
        anna = user(store)
        save(store, SecondFactor(anna, SECRET, is_on=True))
        replace_codes(store, anna, "one")
        assert sum(racing(RACERS, lambda _: use_step(store, anna, 7))) == 1
        assert sum(racing(RACERS, lambda _: take_code(store, anna, "one"))) == 1

    def test_of_many_log_ins_with_one_code_one_succeeds(self, scene: Scene) -> None:
        """Also with a recovery code."""
        anna, secret, codes = turned_on(scene, "anna")
        scene.clock.advance(seconds=30)
        for text in (code_at(secret, scene.clock.now), codes[0]):
            before = len(scene.store.read(lambda tx: tx.sessions.of(anna)))
            code = SecondFactorCode(text)

            def enter(_: int, code: SecondFactorCode = code) -> Any:
                return log_in(scene.shop, "anna", PASSWORD, code=code)

            kinds = [type(result) for result in racing(RACERS, enter)]
            assert sorted(kinds, key=str) == sorted([TokenPair] + [BadCode] * (RACERS - 1), key=str)
            assert len(scene.store.read(lambda tx: tx.sessions.of(anna))) == before + 1
        left = found(scene.store, anna)
        assert left is not None
        assert left.recovery_codes == len(codes) - 1

    def test_a_deleted_user_has_no_second_factor(self, scene: Scene) -> None:
        anna, _, codes = turned_on(scene, "anna")
        delete_account(scene.shop, Actor(anna), anna, PASSWORD)
        assert found(scene.store, anna) is None
        assert not take_code(scene.store, anna, SecondFactorCode(codes[0]).fingerprint)
