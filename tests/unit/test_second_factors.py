"""Second factors of accounts: one-time codes, recovery codes, and what staff need."""

from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import NamedTuple

import attrs
import pytest

from sellout_adapters.one_time_codes import TotpCodes
from sellout_adapters.testing.credentials import SceneCodes, code_at
from sellout_adapters.testing.mailbox import deliver
from sellout_adapters.testing.scene import PASSWORD, whole_list
from sellout_core.audit import AuditQuery, FieldChange
from sellout_core.errors import (
    BadCredentials,
    FieldCode,
    Forbidden,
    InvalidFields,
    NotFound,
    Unauthenticated,
    WrongPassword,
)
from sellout_core.mail import MailTemplate
from sellout_core.people.accounts import ANONYMOUS, OPERATOR, Actor, PasswordChange
from sellout_core.people.identity import AccountEmail, PasswordReset, SingleUseToken, fingerprint_of
from sellout_core.people.refusals import (
    BadCode,
    SecondFactorMissing,
    SecondFactorOff,
    SecondFactorOn,
    SecondFactorRequired,
    WrongCode,
)
from sellout_core.people.second_factors import SecondFactor, SecondFactorCode, new_recovery_codes
from sellout_core.ports.store import Transaction
from sellout_core.shop import Policy
from sellout_core.use_cases.audit import read_audit
from sellout_core.use_cases.people import passwords
from sellout_core.use_cases.people.identity import reset_password
from sellout_core.use_cases.people.second_factors import (
    begin_second_factor,
    confirm_second_factor,
    read_second_factor,
    renew_recovery_codes,
    reset_second_factor,
    turn_off_second_factor,
)
from sellout_core.use_cases.people.sessions import authenticate, log_in, read_token
from sellout_core.use_cases.people.users import read_users
from sellout_core.use_cases.personal_export import read_export
from sellout_core.values import UserId
from tests.unit.shop_scene import Person, Scene

FRESH = "another good password"


class Held(NamedTuple):
    """What a person with a second factor holds: the authenticator app and the recovery codes."""

    scene: Scene
    person: Person
    secret: str
    codes: Sequence[str]

    def code(self, steps: int = 0) -> SecondFactorCode:
        """The code that the app shows after some more time steps."""
        return SecondFactorCode(code_at(self.secret, self.scene.clock.now + timedelta(seconds=30 * steps)))

    def enter(self, code: SecondFactorCode | None) -> Actor:
        """Logs in. Returns the actor of the session."""
        pair = log_in(self.scene.shop, "anna", PASSWORD, code=code)
        return authenticate(self.scene.shop, read_token(self.scene.shop, pair.access, "access"))


@pytest.fixture
def anna(scene: Scene) -> Person:
    return scene.person("anna")


@pytest.fixture
def held(scene: Scene, anna: Person) -> Held:
    """Anna has turned her second factor on. The code of the next time step is not used yet."""
    return turned_on(scene, anna)


def turned_on(scene: Scene, person: Person) -> Held:
    secret = begin_second_factor(scene.shop, person.actor, person.id, PASSWORD).secret
    code = SecondFactorCode(code_at(secret, scene.clock.now))
    codes = confirm_second_factor(scene.shop, person.actor, person.id, code, "en")
    scene.clock.advance(seconds=30)
    return Held(scene, person, secret, codes)


def factor_of(scene: Scene, user_id: UserId) -> SecondFactor | None:
    return scene.store.read(lambda tx: tx.second_factors.of(user_id))


def state(scene: Scene) -> object:
    """All that a refused request must not change."""

    def work(tx: Transaction) -> object:
        users = tx.users.after(0, 99)
        return users, [(tx.second_factors.of(user.id), len(tx.sessions.of(user.id))) for user in users]

    return scene.store.read(work), deliver(scene.shop)


def refuses(scene: Scene, kind: type[Exception], call: Callable[[], object]) -> None:
    """Asserts that the call raises this error and changes nothing."""
    deliver(scene.shop)
    before = state(scene)
    with pytest.raises(kind) as refusal:
        call()
    assert type(refusal.value) is kind
    assert state(scene) == before


def verified(scene: Scene, person: Person, address: str = "anna@shop.example") -> None:
    scene.store.write(lambda tx: tx.emails.save(AccountEmail(person.id, address)))


def told(scene: Scene) -> list[tuple[str, str, str]]:
    """The mails about second factors: recipient, language and change."""
    letters = deliver(scene.shop)
    assert {letter.mail.template for letter in letters} <= {MailTemplate.SECOND_FACTOR_CHANGED}
    assert all(letter.parameters["username"] == "anna" for letter in letters)
    return [(letter.recipient, letter.mail.language, letter.parameters["change"]) for letter in letters]


def test_a_second_factor_is_off_until_a_code_confirms_it(scene: Scene, anna: Person) -> None:
    assert read_second_factor(scene.shop, anna.actor, anna.id) is None
    begun = begin_second_factor(scene.shop, anna.actor, anna.id, PASSWORD)
    assert begun.secret in begun.uri
    assert "anna" in begun.uri
    assert read_second_factor(scene.shop, anna.actor, anna.id) is None
    log_in(scene.shop, "anna", PASSWORD)
    code = SecondFactorCode(code_at(begun.secret, scene.clock.now))
    codes = confirm_second_factor(scene.shop, anna.actor, anna.id, code, "en")
    assert len(set(codes)) == len(codes) == 10
    factor = read_second_factor(scene.shop, anna.actor, anna.id)
    assert factor is not None
    assert (factor.is_on, factor.recovery_codes) == (True, 10)
    refuses(scene, SecondFactorRequired, lambda: log_in(scene.shop, "anna", PASSWORD))


def test_a_log_in_takes_each_code_once(held: Held) -> None:
    before = held.scene.store.read(lambda tx: len(tx.sessions.of(held.person.id)))
    assert held.enter(held.code()) == held.person.actor
    refuses(held.scene, BadCode, lambda: held.enter(held.code()))
    held.scene.clock.advance(seconds=30)
    held.enter(held.code())
    assert held.scene.store.read(lambda tx: len(tx.sessions.of(held.person.id))) == before + 2


def test_the_code_that_confirmed_is_used(held: Held) -> None:
    refuses(held.scene, BadCode, lambda: held.enter(held.code(-1)))


def test_a_code_counts_one_step_early_and_one_step_late(held: Held) -> None:
    held.scene.clock.advance(minutes=5)
    for steps in (-2, 2, 3):
        refuses(held.scene, BadCode, lambda steps=steps: held.enter(held.code(steps)))  # type: ignore[misc]
    held.enter(held.code(-1))
    held.enter(held.code())
    held.enter(held.code(1))
    for steps in (-1, 0, 1):
        refuses(held.scene, BadCode, lambda steps=steps: held.enter(held.code(steps)))  # type: ignore[misc]


def test_an_earlier_code_does_not_count_after_a_later_one(held: Held) -> None:
    held.scene.clock.advance(minutes=5)
    held.enter(held.code(1))
    for steps in (-1, 0):
        refuses(held.scene, BadCode, lambda steps=steps: held.enter(held.code(steps)))  # type: ignore[misc]


def test_each_recovery_code_counts_once_in_any_case(held: Held) -> None:
    first, second = held.codes[:2]
    held.enter(SecondFactorCode(first))
    held.enter(SecondFactorCode(second.lower()))
    for code in (first, first.lower(), second):
        refuses(held.scene, BadCode, lambda code=code: held.enter(SecondFactorCode(code)))  # type: ignore[misc]
    factor = factor_of(held.scene, held.person.id)
    assert factor is not None
    assert factor.recovery_codes == 8


def test_the_recovery_code_of_another_user_does_not_count(held: Held) -> None:
    other = turned_on(held.scene, held.scene.person("boris"))
    refuses(held.scene, BadCode, lambda: held.enter(SecondFactorCode(other.codes[0])))
    refuses(held.scene, BadCode, lambda: held.enter(other.code(1)))


def test_the_store_has_the_hashes_of_recovery_codes_alone(held: Held) -> None:
    take = held.scene.store.write
    [code, other] = held.codes[:2]
    assert not take(lambda tx: tx.second_factors.take_recovery_code(held.person.id, code))
    assert take(lambda tx: tx.second_factors.take_recovery_code(held.person.id, fingerprint_of(other)))


def test_a_log_in_without_the_password_says_nothing_of_the_second_factor(held: Held) -> None:
    for code in (None, held.code(), SecondFactorCode(held.codes[0])):
        for name, password in (("anna", "wrong"), ("nobody", PASSWORD)):
            refuses(
                held.scene,
                BadCredentials,
                lambda name=name, password=password, code=code: log_in(held.scene.shop, name, password, code=code),  # type: ignore[misc]
            )
    held.scene.change_user(held.person.id, is_active=False)
    refuses(held.scene, BadCredentials, lambda: held.enter(held.code()))


def test_a_code_has_no_effect_without_a_second_factor(scene: Scene, anna: Person) -> None:
    log_in(scene.shop, "anna", PASSWORD, code=SecondFactorCode("000000"))
    begin_second_factor(scene.shop, anna.actor, anna.id, PASSWORD)
    log_in(scene.shop, "anna", PASSWORD, code=SecondFactorCode("000000"))


@pytest.mark.parametrize(
    "code",
    [
        "",
        "12345",
        "1234567",
        " 123456",
        "123456 ",
        "123 456",
        "123456\n",
        "12345a",
        "+12345",
        "\N{FULLWIDTH DIGIT ONE}23456",
        "\N{ARABIC-INDIC DIGIT ONE}" * 6,
        "ABCDEF-GHIJKL-MNOPQR",
        "ABCDEFGHIJKLMNOPQRSTUVWX",
        "ABCDEF-GHIJKL-MNOPQR-STUVW1",
        "ABCDEF-GHIJKL-MNOPQR-STUVWX\n",
        "ABCDEF-GHIJKL-MNOPQR-STUVWX-",
        "\N{KELVIN SIGN}BCDEF-GHIJKL-MNOPQR-STUVWX",
        "1" * 10_240,
    ],
)
def test_a_malformed_code_is_refused(code: str) -> None:
    with pytest.raises(InvalidFields) as refusal:
        SecondFactorCode(code)
    (field,) = refusal.value.fields
    assert (field.name, field.code) == ("entered", FieldCode.MALFORMED)


def test_recovery_codes_have_120_random_bits_in_base32() -> None:
    numbers = iter(f"{number:016x}" for number in range(2**63, 2**63 + 20))
    codes = new_recovery_codes(lambda: next(numbers))
    assert codes[0] == "QAAAAA-AAAAAA-BAAAAA-AAAAAA"
    assert len(set(codes)) == 10


def test_beginning_needs_the_password_and_no_second_factor(scene: Scene, anna: Person) -> None:
    refuses(scene, WrongPassword, lambda: begin_second_factor(scene.shop, anna.actor, anna.id, "wrong"))
    refuses(scene, WrongPassword, lambda: begin_second_factor(scene.shop, OPERATOR, anna.id, "wrong"))
    held = turned_on(scene, anna)
    refuses(scene, SecondFactorOn, lambda: begin_second_factor(scene.shop, anna.actor, anna.id, PASSWORD))
    refuses(scene, SecondFactorOn, lambda: confirm_second_factor(scene.shop, anna.actor, anna.id, held.code(), "en"))


def test_a_new_secret_replaces_an_unconfirmed_one(scene: Scene, anna: Person) -> None:
    old, new = (begin_second_factor(scene.shop, anna.actor, anna.id, PASSWORD).secret for _ in range(2))
    assert old != new
    stale, fresh = (SecondFactorCode(code_at(secret, scene.clock.now)) for secret in (old, new))
    refuses(scene, WrongCode, lambda: confirm_second_factor(scene.shop, anna.actor, anna.id, stale, "en"))
    confirm_second_factor(scene.shop, anna.actor, anna.id, fresh, "en")


def test_a_confirmation_needs_a_secret_and_one_of_its_codes(scene: Scene, anna: Person) -> None:
    guess, recovery = SecondFactorCode("000000"), SecondFactorCode("ABCDEF-GHIJKL-MNOPQR-STUVWX")
    refuses(scene, SecondFactorOff, lambda: confirm_second_factor(scene.shop, anna.actor, anna.id, guess, "en"))
    secret = begin_second_factor(scene.shop, anna.actor, anna.id, PASSWORD).secret
    late = SecondFactorCode(code_at(secret, scene.clock.now))
    scene.clock.advance(minutes=2)
    for code in (recovery, late):
        refuses(
            scene,
            WrongCode,
            lambda code=code: confirm_second_factor(scene.shop, anna.actor, anna.id, code, "en"),  # type: ignore[misc]
        )


def test_turning_off_needs_the_password_and_a_code(held: Held) -> None:
    scene, anna = held.scene, held.person

    def turn_off(password: str, code: SecondFactorCode) -> None:
        turn_off_second_factor(scene.shop, anna.actor, anna.id, password, code, "en")

    refuses(scene, WrongPassword, lambda: turn_off("wrong", held.code()))
    refuses(scene, WrongCode, lambda: turn_off(PASSWORD, held.code(-1)))
    refuses(scene, WrongCode, lambda: turn_off(PASSWORD, SecondFactorCode("ABCDEF-GHIJKL-MNOPQR-STUVWX")))
    turn_off(PASSWORD, held.code())
    assert factor_of(scene, anna.id) is None
    log_in(scene.shop, "anna", PASSWORD)
    refuses(scene, SecondFactorOff, lambda: turn_off(PASSWORD, held.code(1)))
    again = turned_on(scene, anna)
    refuses(scene, WrongCode, lambda: turn_off(PASSWORD, SecondFactorCode(held.codes[0])))
    turn_off(PASSWORD, SecondFactorCode(again.codes[0]))


def test_an_unconfirmed_secret_needs_no_turning_off(scene: Scene, anna: Person) -> None:
    secret = begin_second_factor(scene.shop, anna.actor, anna.id, PASSWORD).secret
    code = SecondFactorCode(code_at(secret, scene.clock.now))
    for change in (turn_off_second_factor, renew_recovery_codes):
        refuses(
            scene,
            SecondFactorOff,
            lambda change=change: change(scene.shop, anna.actor, anna.id, PASSWORD, code, "en"),  # type: ignore[misc]
        )
    refuses(scene, SecondFactorOff, lambda: reset_second_factor(scene.shop, OPERATOR, anna.id, "en"))


def test_new_recovery_codes_replace_the_old_ones(held: Held) -> None:
    scene, anna = held.scene, held.person

    def renew(password: str, code: SecondFactorCode) -> Sequence[str]:
        return renew_recovery_codes(scene.shop, anna.actor, anna.id, password, code, "en")

    refuses(scene, WrongPassword, lambda: renew("wrong", held.code()))
    refuses(scene, WrongCode, lambda: renew(PASSWORD, held.code(-1)))
    codes = renew(PASSWORD, held.code())
    assert len(codes) == 10
    refuses(scene, BadCode, lambda: held.enter(SecondFactorCode(held.codes[0])))
    held.enter(SecondFactorCode(codes[0]))
    assert len(renew(PASSWORD, SecondFactorCode(codes[1]))) == 10


def test_a_password_that_changes_meanwhile_is_checked_again(scene: Scene, anna: Person) -> None:
    verify = scene.shop.passwords.verify

    @attrs.frozen
    class Overtaken:
        def verify(self, password: str, password_hash: str | None) -> bool:
            matches = verify(password, password_hash)
            if matches:
                passwords.set_password(scene.shop, OPERATOR, "anna", FRESH)
            return matches

    overtaken = attrs.evolve(scene.shop, passwords=Overtaken())  # type: ignore[arg-type]
    with pytest.raises(WrongPassword):
        begin_second_factor(overtaken, anna.actor, anna.id, PASSWORD)
    assert factor_of(scene, anna.id) is None


def test_new_passwords_keep_the_second_factor(held: Held) -> None:
    """A link in a mail does not replace the second factor."""
    scene, anna = held.scene, held.person
    passwords.change_password(scene.shop, anna.actor, anna.id, PasswordChange(PASSWORD, FRESH))
    refuses(scene, SecondFactorRequired, lambda: log_in(scene.shop, "anna", FRESH))
    passwords.set_password(scene.shop, OPERATOR, "anna", PASSWORD)
    refuses(scene, SecondFactorRequired, lambda: log_in(scene.shop, "anna", PASSWORD))
    token = "0" * 32
    stored = SingleUseToken(
        fingerprint_of(token), anna.id, "reset_password", "anna@shop.example", scene.clock.now.replace(year=2099)
    )
    scene.store.write(lambda tx: tx.single_use_tokens.add(stored))
    reset_password(scene.shop, PasswordReset(token=token, new_password=FRESH), "en")
    deliver(scene.shop)
    refuses(scene, SecondFactorRequired, lambda: log_in(scene.shop, "anna", FRESH))
    log_in(scene.shop, "anna", FRESH, code=held.code())


def test_a_reset_turns_off_ends_sessions_and_is_audited(held: Held) -> None:
    scene, anna = held.scene, held.person
    verified(scene, anna)
    root = scene.person("root", is_staff=True, is_superuser=True)
    actor = Actor(root.id, is_staff=True, is_superuser=True)
    refuses(scene, NotFound, lambda: reset_second_factor(scene.shop, actor, UserId(999), "en"))
    assert reset_second_factor(scene.shop, actor, anna.id, "ru").id == anna.id
    assert factor_of(scene, anna.id) is None
    assert scene.store.read(lambda tx: tx.sessions.of(anna.id)) == []
    assert told(scene) == [("anna@shop.example", "ru", "off")]
    [entry] = whole_list(lambda sink: read_audit(scene.shop, OPERATOR, AuditQuery(kind="user"), sink))
    assert (entry.action, entry.actor_id, entry.object_id, entry.at) == (
        *("reset_second_factor", root.id, anna.id),
        scene.clock.now,
    )
    assert entry.changes == {"second_factor": FieldChange(before=True, after=False)}
    log_in(scene.shop, "anna", PASSWORD)


def test_what_staff_do_to_another_users_second_factor_is_audited(scene: Scene, anna: Person) -> None:
    boss = scene.person("boss", is_staff=True)
    actor = Actor(boss.id, is_staff=True)
    held = turned_on(scene, anna)
    assert whole_list(lambda sink: read_audit(scene.shop, OPERATOR, AuditQuery(kind="user"), sink)) == []
    renew_recovery_codes(scene.shop, actor, anna.id, PASSWORD, held.code(), "en")
    turn_off_second_factor(scene.shop, actor, anna.id, PASSWORD, held.code(1), "en")
    entries = whole_list(lambda sink: read_audit(scene.shop, OPERATOR, AuditQuery(kind="user"), sink))
    assert [(one.action, one.actor_id, one.changes["second_factor"]) for one in entries] == [
        ("renew_recovery_codes", boss.id, FieldChange(before=True, after=True)),
        ("turn_off_second_factor", boss.id, FieldChange(before=True, after=False)),
    ]


def test_superusers_do_not_reset_their_own_second_factor(scene: Scene, anna: Person) -> None:
    turned_on(scene, anna)
    actor = Actor(anna.id, is_staff=True, is_superuser=True)
    refuses(scene, Forbidden, lambda: reset_second_factor(scene.shop, actor, anna.id, "en"))


def test_changes_are_told_to_the_verified_address(scene: Scene, anna: Person) -> None:
    verified(scene, anna)
    held = turned_on(scene, anna)
    renew_recovery_codes(scene.shop, anna.actor, anna.id, PASSWORD, held.code(), "ru")
    turn_off_second_factor(scene.shop, anna.actor, anna.id, PASSWORD, held.code(1), "en")
    address = "anna@shop.example"
    assert told(scene) == [(address, "en", "on"), (address, "ru", "recovery_codes"), (address, "en", "off")]


def test_without_a_verified_address_or_mail_nothing_is_sent(held: Held) -> None:
    scene, anna = held.scene, held.person
    held.scene.store.write(lambda tx: tx.emails.save(AccountEmail(anna.id, pending="anna@shop.example")))
    turn_off_second_factor(scene.shop, anna.actor, anna.id, PASSWORD, held.code(), "en")
    assert told(scene) == []
    quiet = Scene(Policy(sends_mail=False))
    boris = quiet.person("boris")
    verified(quiet, boris)
    turned_on(quiet, boris)
    assert deliver(quiet.shop) == []


def test_the_export_says_only_whether_it_is_on(held: Held) -> None:
    scene, anna = held.scene, held.person
    export = read_export(scene.shop, anna.actor, anna.id)
    assert export.has_second_factor
    shown = repr(export) + repr(factor_of(scene, anna.id)) + repr(held.code())
    assert held.secret not in shown
    assert held.code().entered not in shown
    turn_off_second_factor(scene.shop, anna.actor, anna.id, PASSWORD, held.code(), "en")
    assert not read_export(scene.shop, anna.actor, anna.id).has_second_factor


def actor_now(scene: Scene, username: str, code: SecondFactorCode | None = None) -> Actor:
    """Logs in. Returns the actor of the session."""
    pair = log_in(scene.shop, username, PASSWORD, code=code)
    return authenticate(scene.shop, read_token(scene.shop, pair.access, "access"))


def test_staff_without_a_required_second_factor_have_the_rights_of_customers() -> None:
    scene = Scene(Policy(staff_need_second_factor=True))
    boss = scene.person("boss", is_staff=True, is_superuser=True)
    customer = scene.person("anna")
    assert actor_now(scene, "anna") == customer.actor
    limited = actor_now(scene, "boss")
    assert limited == Actor(boss.id, lacks_second_factor=True)
    for call in (
        lambda: read_users(scene.shop, limited, lambda _: None),
        limited.require_superuser,
        lambda: limited.require_user(customer.id),
    ):
        refuses(scene, SecondFactorMissing, call)
    held = turned_on(scene, Person(boss.id, limited))
    assert actor_now(scene, "boss", held.code()) == Actor(boss.id, is_staff=True, is_superuser=True)
    read_users(scene.shop, actor_now(scene, "boss", held.code(1)), lambda _: None)


def test_a_second_factor_that_is_turned_off_takes_the_rights_at_once() -> None:
    scene = Scene(Policy(staff_need_second_factor=True))
    boss = scene.person("boss", is_staff=True)
    held = turned_on(scene, boss)
    claims = read_token(scene.shop, log_in(scene.shop, "boss", PASSWORD, code=held.code()).access, "access")
    assert authenticate(scene.shop, claims) == boss.actor
    turn_off_second_factor(scene.shop, boss.actor, boss.id, PASSWORD, held.code(1), "en")
    assert authenticate(scene.shop, claims) == Actor(boss.id, lacks_second_factor=True)
    scene.change_user(boss.id, is_active=False)
    with pytest.raises(Unauthenticated):
        authenticate(scene.shop, claims)
    assert authenticate(scene.shop, None) == ANONYMOUS


RFC_SECRET = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
"""The secret of the test vectors of RFC 6238, `12345678901234567890`, in base32."""


@pytest.mark.parametrize("codes", [TotpCodes(), SceneCodes()], ids=["pyotp", "scene"])
@pytest.mark.parametrize(
    ("seconds", "code"),
    [(1_111_111_111, "050471"), (1_111_111_109, "081804"), (1_234_567_890, "005924"), (20_000_000_000, "353130")],
)
def test_codes_are_those_of_rfc_6238(scene: Scene, codes: TotpCodes | SceneCodes, seconds: int, code: str) -> None:
    at = scene.clock.now.fromtimestamp
    utc = scene.clock.now.tzinfo
    assert code_at(RFC_SECRET, at(seconds, utc)) == code
    for drift in (-30, 0, 30):
        assert codes.step_of(code, RFC_SECRET, at(seconds + drift, utc)) == seconds // 30
    assert codes.step_of(code, RFC_SECRET, at(seconds + 60, utc)) is None
    assert codes.step_of("000000", RFC_SECRET, at(seconds, utc)) is None


def test_secrets_are_random_and_have_160_bits() -> None:
    secrets = {TotpCodes().new_secret() for _ in range(9)}
    assert len(secrets) == 9
    assert {len(secret) for secret in secrets} == {32}


def test_a_uri_has_the_issuer_the_username_and_the_secret() -> None:
    assert TotpCodes("shop.example").uri(RFC_SECRET, "анна: & co") == (
        f"otpauth://totp/shop.example:%D0%B0%D0%BD%D0%BD%D0%B0%3A%20%26%20co?secret={RFC_SECRET}&issuer=shop.example"
    )
