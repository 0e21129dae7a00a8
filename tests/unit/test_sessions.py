"""Sessions: log in, refresh, verify, change the password, log out."""

import unicodedata
from collections.abc import Callable
from datetime import datetime, timedelta

import attrs
import pytest

from sellout_adapters.passwords import Argon2Passwords
from sellout_adapters.testing.scene import PASSWORD
from sellout_core.errors import (
    BadCredentials,
    FieldCode,
    Forbidden,
    InvalidField,
    InvalidFields,
    NotFound,
    Unauthenticated,
    WrongPassword,
)
from sellout_core.people.accounts import (
    ANONYMOUS,
    OPERATOR,
    Actor,
    Claims,
    PasswordChange,
    Registration,
    Session,
    TokenPair,
)
from sellout_core.shop import Policy
from sellout_core.use_cases.people.account.deletion import delete_account
from sellout_core.use_cases.people.passwords import change_password
from sellout_core.use_cases.people.registration import register
from sellout_core.use_cases.people.sessions import authenticate, log_in, log_out, read_token, refresh, verify
from sellout_core.values import SessionId, UserId
from tests.unit.shop_scene import Scene


class CountingPasswords(Argon2Passwords):
    """Real hashing that counts its calls of `verify`."""

    def __init__(self) -> None:
        super().__init__(time_cost=1, memory_kib=8)
        self.verified: list[bool] = []

    def verify(self, password: str, password_hash: str | None) -> bool:
        self.verified.append(super().verify(password, password_hash))
        return self.verified[-1]


def access_of(scene: Scene, pair: TokenPair) -> Claims:
    return read_token(scene.shop, pair.access, "access")


def refresh_of(scene: Scene, pair: TokenPair) -> Claims:
    return read_token(scene.shop, pair.refresh, "refresh")


def sessions_of(scene: Scene, *pairs: TokenPair) -> list[Session | None]:
    ids = [access_of(scene, pair).session_id for pair in pairs]
    return scene.store.read(lambda tx: [tx.sessions.for_update(session_id) for session_id in ids])


def test_a_pair_says_what_the_contract_documents(scene: Scene) -> None:
    """The claims and lifetimes are those of docs/http-contract.md#tokens."""
    pair = register(scene.shop, Registration("anna", PASSWORD))
    access, fresh = access_of(scene, pair), refresh_of(scene, pair)
    issued = scene.clock.now.replace(microsecond=0)
    assert (access.token_type, access.user_id, access.issued_at) == ("access", 1, issued)
    assert (fresh.token_type, fresh.user_id, fresh.issued_at) == ("refresh", 1, issued)
    assert access.expires_at == issued + timedelta(days=1)
    assert fresh.expires_at == issued + timedelta(days=7)
    assert access.jti != fresh.jti
    assert access.session_id == fresh.session_id


def test_logging_in_notes_the_time_and_starts_a_session_of_its_own(scene: Scene) -> None:
    first = register(scene.shop, Registration("anna", PASSWORD))
    scene.clock.advance(hours=1)
    second = log_in(scene.shop, "ANNA", PASSWORD)
    assert scene.user_now(UserId(1)).last_login == scene.clock.now
    assert access_of(scene, first).session_id != access_of(scene, second).session_id
    assert authenticate(scene.shop, access_of(scene, first)) == authenticate(scene.shop, access_of(scene, second))


@pytest.mark.parametrize(
    ("username", "password", "is_active"),
    [("anna", "wrong " + PASSWORD, True), ("unknown", PASSWORD, True), ("anna", PASSWORD, False), ("", "", True)],
    ids=["wrong password", "unknown user", "deactivated user", "nothing"],
)
def test_every_failed_log_in_gets_one_answer_after_hashing_once(
    scene: Scene, username: str, password: str, is_active: bool
) -> None:
    scene.person("anna", is_active=is_active)
    passwords = CountingPasswords()
    with pytest.raises(BadCredentials) as refusal:
        log_in(attrs.evolve(scene.shop, passwords=passwords), username, password)
    assert str(refusal.value) == "The username or the password is wrong."
    assert len(passwords.verified) == 1
    assert scene.user_now(UserId(1)).last_login is None


def test_a_user_deactivated_while_their_password_is_checked_is_not_logged_in(scene: Scene) -> None:
    anna = scene.person()

    def deactivating_clock() -> datetime:
        scene.change_user(anna.id, is_active=False)
        return scene.clock.now

    with pytest.raises(BadCredentials):
        log_in(attrs.evolve(scene.shop, clock=deactivating_clock), "anna", PASSWORD)
    assert scene.user_now(anna.id).last_login is None


def test_logging_in_deletes_expired_sessions_of_any_user(scene: Scene) -> None:
    old = register(scene.shop, Registration("anna", PASSWORD))
    others = register(scene.shop, Registration("boris", PASSWORD))
    scene.clock.advance(days=1, hours=-1)
    kept = log_in(scene.shop, "anna", PASSWORD)
    names = [access_of(scene, pair).session_id for pair in (old, others, kept)]
    scene.clock.advance(days=6, hours=1)
    log_in(scene.shop, "anna", PASSWORD)
    found = scene.store.read(lambda tx: [tx.sessions.for_update(name) is not None for name in names])
    assert found == [False, False, True]


def test_refreshing_gives_a_fresh_pair_of_the_same_session(scene: Scene) -> None:
    old = register(scene.shop, Registration("anna", PASSWORD))
    scene.clock.advance(days=6)
    new = refresh(scene.shop, old.refresh)
    assert access_of(scene, new).session_id == refresh_of(scene, old).session_id
    assert refresh_of(scene, new).jti != refresh_of(scene, old).jti
    assert refresh_of(scene, new).expires_at == scene.clock.now.replace(microsecond=0) + timedelta(days=7)
    assert authenticate(scene.shop, access_of(scene, new)) == Actor(UserId(1))
    (session,) = sessions_of(scene, new)
    assert session is not None
    assert session.expires_at == scene.clock.now + timedelta(days=7)


def test_a_refreshed_session_outlives_its_first_token(scene: Scene) -> None:
    pair = register(scene.shop, Registration("anna", PASSWORD))
    for _ in range(3):
        scene.clock.advance(days=6)
        pair = refresh(scene.shop, pair.refresh)
    log_in(scene.shop, "anna", PASSWORD)
    assert refresh(scene.shop, pair.refresh)


def test_a_refresh_token_used_twice_revokes_its_whole_family_and_no_other(scene: Scene) -> None:
    old = register(scene.shop, Registration("anna", PASSWORD))
    elsewhere = log_in(scene.shop, "anna", PASSWORD)
    new = refresh(scene.shop, old.refresh)
    with pytest.raises(Unauthenticated):
        refresh(scene.shop, old.refresh)
    for stale in (new.refresh, old.refresh):
        with pytest.raises(Unauthenticated):
            refresh(scene.shop, stale)
    for pair in (old, new):
        with pytest.raises(Unauthenticated):
            authenticate(scene.shop, access_of(scene, pair))
    assert authenticate(scene.shop, access_of(scene, elsewhere)) == Actor(UserId(1))
    assert refresh(scene.shop, elsewhere.refresh)


def test_a_deactivated_user_cannot_refresh(scene: Scene) -> None:
    pair = register(scene.shop, Registration("anna", PASSWORD))
    scene.change_user(UserId(1), is_active=False)
    with pytest.raises(Unauthenticated):
        refresh(scene.shop, pair.refresh)
    scene.change_user(UserId(1), is_active=True)
    assert refresh(scene.shop, pair.refresh)


@pytest.mark.parametrize(("hours", "good"), [(7 * 24 - 1, True), (7 * 24, False)])
def test_a_refresh_token_lives_seven_days(scene: Scene, hours: int, good: bool) -> None:
    pair = register(scene.shop, Registration("anna", PASSWORD))
    scene.clock.advance(hours=hours)
    if good:
        assert refresh(scene.shop, pair.refresh)
    else:
        with pytest.raises(Unauthenticated):
            refresh(scene.shop, pair.refresh)


def test_a_token_is_good_for_its_own_purpose_alone(scene: Scene) -> None:
    pair = register(scene.shop, Registration("anna", PASSWORD))
    with pytest.raises(Unauthenticated):
        refresh(scene.shop, pair.access)
    with pytest.raises(Unauthenticated):
        read_token(scene.shop, pair.refresh, "access")
    assert refresh(scene.shop, pair.refresh)


@pytest.mark.parametrize("token", ["", "token", "a.b.c", "\ud800", "ы" * 10_000])
def test_what_is_no_token_is_refused(scene: Scene, token: str) -> None:
    for use in (lambda: refresh(scene.shop, token), lambda: verify(scene.shop, token)):
        with pytest.raises(Unauthenticated):
            use()


def test_a_token_for_a_session_of_another_user_is_refused(scene: Scene) -> None:
    pair = register(scene.shop, Registration("anna", PASSWORD))
    scene.user("boris")
    stolen = attrs.evolve(access_of(scene, pair), user_id=UserId(2))
    with pytest.raises(Unauthenticated):
        authenticate(scene.shop, stolen)
    with pytest.raises(Unauthenticated):
        log_out(scene.shop, stolen)
    with pytest.raises(Unauthenticated):
        refresh(scene.shop, scene.shop.tokens.sign(attrs.evolve(refresh_of(scene, pair), user_id=UserId(2))))
    assert authenticate(scene.shop, access_of(scene, pair)) == Actor(UserId(1))


def test_a_live_token_of_either_type_is_verified(scene: Scene) -> None:
    pair = register(scene.shop, Registration("anna", PASSWORD))
    verify(scene.shop, pair.access)
    verify(scene.shop, pair.refresh)
    verify(scene.shop, pair.refresh)


def test_a_refresh_token_that_was_used_is_not_verified_but_its_access_token_is(scene: Scene) -> None:
    old = register(scene.shop, Registration("anna", PASSWORD))
    new = refresh(scene.shop, old.refresh)
    with pytest.raises(Unauthenticated):
        verify(scene.shop, old.refresh)
    for token in (old.access, new.access, new.refresh):
        verify(scene.shop, token)


def test_tokens_of_a_revoked_session_or_deactivated_user_are_not_verified(scene: Scene) -> None:
    revoked = register(scene.shop, Registration("anna", PASSWORD))
    log_out(scene.shop, access_of(scene, revoked))
    inactive = register(scene.shop, Registration("boris", PASSWORD))
    scene.change_user(UserId(2), is_active=False)
    for token in (revoked.access, revoked.refresh, inactive.access, inactive.refresh):
        with pytest.raises(Unauthenticated):
            verify(scene.shop, token)


def test_an_access_token_lives_one_day(scene: Scene) -> None:
    pair = register(scene.shop, Registration("anna", PASSWORD))
    scene.clock.advance(hours=23)
    verify(scene.shop, pair.access)
    scene.clock.advance(hours=1)
    with pytest.raises(Unauthenticated):
        verify(scene.shop, pair.access)


def test_logging_out_revokes_this_session_with_all_its_tokens_and_no_other(scene: Scene) -> None:
    pair = register(scene.shop, Registration("anna", PASSWORD))
    elsewhere = log_in(scene.shop, "anna", PASSWORD)
    claims = access_of(scene, pair)
    log_out(scene.shop, claims)
    for use in (
        lambda: authenticate(scene.shop, claims),
        lambda: refresh(scene.shop, pair.refresh),
        lambda: log_out(scene.shop, claims),
    ):
        with pytest.raises(Unauthenticated):
            use()
    assert authenticate(scene.shop, access_of(scene, elsewhere)) == Actor(UserId(1))


def test_logging_out_without_a_token_is_refused(scene: Scene) -> None:
    with pytest.raises(Unauthenticated):
        log_out(scene.shop, None)


def test_without_claims_one_is_anonymous(scene: Scene) -> None:
    assert authenticate(scene.shop, None) == ANONYMOUS


def test_rights_are_the_stores_today_not_the_tokens(scene: Scene) -> None:
    claims = access_of(scene, register(scene.shop, Registration("anna", PASSWORD)))
    scene.change_user(UserId(1), is_staff=True)
    assert authenticate(scene.shop, claims) == Actor(UserId(1), is_staff=True)
    scene.change_user(UserId(1), is_superuser=True)
    assert authenticate(scene.shop, claims) == Actor(UserId(1), is_staff=True, is_superuser=True)
    scene.change_user(UserId(1), is_active=False)
    with pytest.raises(Unauthenticated):
        authenticate(scene.shop, claims)


def test_a_session_that_never_was_is_refused(scene: Scene) -> None:
    scene.user("anna")
    claims = Claims("access", scene.clock.now, scene.clock.now, "f" * 32, UserId(1))
    assert claims.session_id == SessionId("f" * 16)
    with pytest.raises(Unauthenticated):
        authenticate(scene.shop, claims)


NEW = "another " + PASSWORD


def test_a_changed_password_ends_every_session(scene: Scene) -> None:
    pairs = [register(scene.shop, Registration("anna", PASSWORD)), log_in(scene.shop, "anna", PASSWORD)]
    others = register(scene.shop, Registration("boris", PASSWORD))
    user_id = access_of(scene, pairs[0]).user_id
    change_password(scene.shop, Actor(user_id), user_id, PasswordChange(PASSWORD, NEW))
    for pair in pairs:
        with pytest.raises(Unauthenticated):
            authenticate(scene.shop, access_of(scene, pair))
        with pytest.raises(Unauthenticated):
            refresh(scene.shop, pair.refresh)
    assert authenticate(scene.shop, access_of(scene, others)).user_id == access_of(scene, others).user_id
    with pytest.raises(BadCredentials):
        log_in(scene.shop, "anna", PASSWORD)
    assert authenticate(scene.shop, access_of(scene, log_in(scene.shop, "anna", NEW))) == Actor(user_id)


def test_a_password_change_needs_the_old_one(scene: Scene) -> None:
    anna, boris = scene.person("anna"), scene.person("boris")
    change = PasswordChange(PASSWORD, NEW)
    with pytest.raises(Unauthenticated):
        change_password(scene.shop, ANONYMOUS, anna.id, change)
    with pytest.raises(Forbidden):
        change_password(scene.shop, boris.actor, anna.id, change)
    with pytest.raises(NotFound):
        change_password(scene.shop, OPERATOR, UserId(99), change)
    for actor in (anna.actor, OPERATOR):
        with pytest.raises(WrongPassword):
            change_password(scene.shop, actor, anna.id, PasswordChange(NEW, NEW))
    change_password(scene.shop, OPERATOR, anna.id, change)
    log_in(scene.shop, "anna", NEW)


def refusal_of(scene: Scene, password: str) -> tuple[InvalidField, ...]:
    """The faults of a password. Asserts that a registration and a change name the same ones."""
    anna = scene.person("anna") if not scene.store.read(lambda tx: tx.users.after(0, 1_000)) else None
    with pytest.raises(InvalidFields) as registering:
        register(scene.shop, Registration("boris", password))
    with pytest.raises(InvalidFields) as changing:
        change_password(scene.shop, OPERATOR, anna.id if anna else UserId(1), PasswordChange(PASSWORD, password))
    renamed = tuple(attrs.evolve(field, name="password") for field in changing.value.fields)
    assert {field.name for field in changing.value.fields} == {"new_password"}
    assert registering.value.fields == renamed
    return renamed


def test_passwords_are_counted_composed(scene: Scene) -> None:
    """A password has 8 to 128 characters after composition."""
    decomposed = "e\u0301"
    short = (InvalidField("password", "must be at least 8 characters long", FieldCode.TOO_SHORT),)
    long = (InvalidField("password", "must be at most 128 characters long", FieldCode.TOO_LONG),)
    assert refusal_of(scene, 7 * decomposed) == short
    assert refusal_of(scene, 129 * decomposed) == long
    assert refusal_of(scene, "x" * 129) == long
    # Composition makes this one longer.
    assert refusal_of(scene, 65 * "\u0958") == long
    assert refusal_of(scene, 10_000 * decomposed) == long
    for number, password in enumerate((8 * "é" + "1", 8 * decomposed, 128 * decomposed, 128 * "\u1f82")):
        register(scene.shop, Registration(f"user{number}", password))
    log_in(scene.shop, "user1", 8 * "é")
    longest = 128 * unicodedata.normalize("NFD", "\u1f82")
    assert len(longest) == 512
    log_in(scene.shop, "user3", longest)


def test_the_commonest_passwords_are_refused() -> None:
    scene = Scene()
    reason = (InvalidField("password", "is one of those that are guessed first", FieldCode.COMMON_PASSWORD),)
    for password in ("password", "PassWord1", "йцукенгш", "зфыыцщкв", "Любовь123"):  # noqa: RUF001
        assert refusal_of(scene, password) == reason
    lenient = Scene(Policy(refuse_common_passwords=False))
    register(lenient.shop, Registration("anna", "password"))


def test_a_hash_of_other_parameters_is_made_anew_at_log_in(scene: Scene) -> None:
    anna = scene.person("anna")

    def kept() -> str:
        credentials = scene.store.read(lambda tx: tx.credentials.of(anna.id))
        assert credentials is not None
        return credentials.password_hash

    first = kept()
    log_in(scene.shop, "anna", PASSWORD)
    assert kept() == first
    stronger = attrs.evolve(scene.shop, passwords=Argon2Passwords(time_cost=2, memory_kib=16))
    with pytest.raises(BadCredentials):
        log_in(stronger, "anna", NEW)
    assert kept() == first
    log_in(stronger, "anna", PASSWORD)
    second = kept()
    assert second != first
    assert "m=16,t=2" in second
    log_in(stronger, "anna", PASSWORD)
    assert kept() == second


def _nothing() -> None:
    pass


class Meanwhile(Argon2Passwords):
    """Real hashing that runs `happens` during the next call of `verify`."""

    def __init__(self) -> None:
        super().__init__(time_cost=1, memory_kib=8)
        self.happens: Callable[[], object] = _nothing

    def verify(self, password: str, password_hash: str | None) -> bool:
        happens, self.happens = self.happens, _nothing
        happens()
        return super().verify(password, password_hash)


def test_a_password_changed_during_a_log_in_is_the_one_that_counts(scene: Scene) -> None:
    anna = scene.person("anna")
    slow = Meanwhile()
    slow.happens = lambda: change_password(scene.shop, anna.actor, anna.id, PasswordChange(PASSWORD, NEW))
    with pytest.raises(BadCredentials):
        log_in(attrs.evolve(scene.shop, passwords=slow), "anna", PASSWORD)


def test_a_hash_made_anew_during_a_log_in_is_the_same_password(scene: Scene) -> None:
    scene.person("anna")
    stronger = attrs.evolve(scene.shop, passwords=Argon2Passwords(time_cost=2, memory_kib=16))
    slow = Meanwhile()
    slow.happens = lambda: log_in(stronger, "anna", PASSWORD)
    log_in(attrs.evolve(scene.shop, passwords=slow), "anna", PASSWORD)


def test_a_password_changed_during_a_deletion_is_the_one_that_counts(scene: Scene) -> None:
    anna = scene.person("anna")
    slow = Meanwhile()
    slow.happens = lambda: change_password(scene.shop, anna.actor, anna.id, PasswordChange(PASSWORD, NEW))
    with pytest.raises(WrongPassword):
        delete_account(attrs.evolve(scene.shop, passwords=slow), anna.actor, anna.id, PASSWORD)
    assert scene.user_now(anna.id).deleted_at is None


def test_of_two_who_change_a_password_at_once_one_does(scene: Scene) -> None:
    anna = scene.person("anna")
    slow = Meanwhile()
    slow.happens = lambda: change_password(scene.shop, anna.actor, anna.id, PasswordChange(PASSWORD, NEW))
    with pytest.raises(WrongPassword):
        change_password(
            attrs.evolve(scene.shop, passwords=slow),
            anna.actor,
            anna.id,
            PasswordChange(PASSWORD, "third " + PASSWORD),
        )
    log_in(scene.shop, "anna", NEW)
