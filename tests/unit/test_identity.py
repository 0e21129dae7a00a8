"""E-mail addresses of accounts, and forgotten passwords."""

from collections.abc import Callable, Sequence
from datetime import timedelta

import attrs
import pytest

from sellout_adapters.testing.mailbox import deliver
from sellout_adapters.testing.scene import PASSWORD
from sellout_core.errors import (
    BadCredentials,
    EmailTaken,
    FieldCode,
    InvalidFields,
    MailDisabled,
    NotFound,
    TokenUnusable,
    Unauthenticated,
    WrongPassword,
)
from sellout_core.mail import Letter, MailTemplate
from sellout_core.people.accounts import OPERATOR, PasswordChange
from sellout_core.people.identity import (
    AccountEmail,
    EmailChange,
    ForgottenPassword,
    PasswordReset,
    SingleUseToken,
    fingerprint_of,
)
from sellout_core.ports.store import Transaction
from sellout_core.shop import Policy
from sellout_core.use_cases.people import passwords
from sellout_core.use_cases.people.identity import (
    change_email,
    read_email,
    request_password_reset,
    reset_password,
    verify_email,
)
from sellout_core.use_cases.people.sessions import authenticate, log_in, read_token
from sellout_core.values import UserId
from tests.unit.shop_scene import Person, Scene

FRESH = "another good password"


@pytest.fixture
def anna(scene: Scene) -> Person:
    return scene.person("anna")


def asks(scene: Scene, person: Person, email: str) -> Letter:
    """Asks for another address. Returns the letter with the link."""
    change_email(scene.shop, person.actor, person.id, EmailChange(email=email, password=PASSWORD), "en")
    (letter,) = deliver(scene.shop)
    return letter


def has(scene: Scene, person: Person, email: str) -> None:
    """Verifies an address of a person."""
    verify_email(scene.shop, asks(scene, person, email).parameters["token"], "en")
    deliver(scene.shop)


def forgets(scene: Scene, email: str) -> Sequence[Letter]:
    """Asks for a new password. Returns the letters."""
    request_password_reset(scene.shop, ForgottenPassword(email), "ru")
    return deliver(scene.shop)


def emails(scene: Scene, person: Person) -> AccountEmail:
    return read_email(scene.shop, person.actor, person.id)


def state(scene: Scene) -> object:
    """All that a refused request must not change."""

    def work(tx: Transaction) -> object:
        users = tx.users.after(0, 99)
        return users, [(tx.emails.of(user.id), tx.credentials.of(user.id), tx.sessions.of(user.id)) for user in users]

    return scene.store.read(work), deliver(scene.shop)


def refuses(scene: Scene, kind: type[Exception], call: Callable[[], object]) -> None:
    """Asserts that the call raises this error and changes nothing."""
    deliver(scene.shop)
    before = state(scene)
    with pytest.raises(kind) as refusal:
        call()
    assert type(refusal.value) is kind
    assert state(scene) == before


def test_an_address_is_verified_by_the_token_of_its_mail(scene: Scene, anna: Person) -> None:
    assert emails(scene, anna) == AccountEmail(anna.id)
    letter = asks(scene, anna, "Anna@shop.example")
    assert (letter.recipient, letter.mail.template, letter.mail.language) == (
        "Anna@shop.example",
        MailTemplate.VERIFY_EMAIL,
        "en",
    )
    assert letter.parameters["username"] == "anna"
    assert emails(scene, anna) == AccountEmail(anna.id, None, "Anna@shop.example")
    assert scene.user_now(anna.id).email == ""
    verify_email(scene.shop, letter.parameters["token"], "en")
    assert emails(scene, anna) == AccountEmail(anna.id, "Anna@shop.example")
    assert scene.user_now(anna.id).email == "Anna@shop.example"
    assert deliver(scene.shop) == []


def test_the_store_has_the_hash_of_a_token_alone(scene: Scene, anna: Person) -> None:
    token = asks(scene, anna, "anna@shop.example").parameters["token"]
    assert len(token) == 32
    stored = scene.store.read(lambda tx: tx.single_use_tokens.of(fingerprint_of(token)))
    assert stored == SingleUseToken(
        fingerprint_of(token), anna.id, "verify_email", "anna@shop.example", scene.clock.now + timedelta(hours=1)
    )
    assert token not in repr(stored)
    assert fingerprint_of(token) != token


def test_a_change_of_address_is_told_to_both(scene: Scene, anna: Person) -> None:
    has(scene, anna, "old@shop.example")
    letter = asks(scene, anna, "new@shop.example")
    assert emails(scene, anna) == AccountEmail(anna.id, "old@shop.example", "new@shop.example")
    verify_email(scene.shop, letter.parameters["token"], "ru")
    told = deliver(scene.shop)
    assert [(letter.recipient, letter.mail.template, letter.mail.language) for letter in told] == [
        ("old@shop.example", MailTemplate.EMAIL_CHANGED, "ru"),
        ("new@shop.example", MailTemplate.EMAIL_CHANGED, "ru"),
    ]
    assert told[0].parameters == {"username": "anna", "email": "new@shop.example"}
    assert emails(scene, anna) == AccountEmail(anna.id, "new@shop.example", language="ru")


def test_a_verified_address_may_be_verified_again(scene: Scene, anna: Person) -> None:
    has(scene, anna, "anna@shop.example")
    verify_email(scene.shop, asks(scene, anna, "anna@shop.example").parameters["token"], "en")
    assert deliver(scene.shop) == []
    assert emails(scene, anna) == AccountEmail(anna.id, "anna@shop.example")


def test_a_token_is_used_once(scene: Scene, anna: Person) -> None:
    token = asks(scene, anna, "anna@shop.example").parameters["token"]
    verify_email(scene.shop, token, "en")
    refuses(scene, TokenUnusable, lambda: verify_email(scene.shop, token, "en"))
    has(scene, anna, "anna@shop.example")
    (letter,) = forgets(scene, "anna@shop.example")
    reset = PasswordReset(token=letter.parameters["token"], new_password=FRESH)
    reset_password(scene.shop, reset, "en")
    refuses(scene, TokenUnusable, lambda: reset_password(scene.shop, reset, "en"))


def test_a_token_expires_after_an_hour(scene: Scene, anna: Person) -> None:
    has(scene, anna, "anna@shop.example")
    resetting = forgets(scene, "anna@shop.example")[0].parameters["token"]
    reset = PasswordReset(token=resetting, new_password=PASSWORD)
    scene.clock.advance(hours=1)
    refuses(scene, TokenUnusable, lambda: reset_password(scene.shop, reset, "en"))
    scene.clock.advance(microseconds=-1)
    reset_password(scene.shop, reset, "en")
    deliver(scene.shop)
    verifying = asks(scene, anna, "other@shop.example").parameters["token"]
    scene.clock.advance(hours=1)
    refuses(scene, TokenUnusable, lambda: verify_email(scene.shop, verifying, "en"))
    scene.clock.advance(microseconds=-1)
    verify_email(scene.shop, verifying, "en")


def test_a_token_of_another_purpose_is_refused(scene: Scene, anna: Person) -> None:
    has(scene, anna, "anna@shop.example")
    verifying = asks(scene, anna, "other@shop.example").parameters["token"]
    resetting = forgets(scene, "anna@shop.example")[0].parameters["token"]
    reset = PasswordReset(token=verifying, new_password=FRESH)
    refuses(scene, TokenUnusable, lambda: reset_password(scene.shop, reset, "en"))
    refuses(scene, TokenUnusable, lambda: verify_email(scene.shop, resetting, "en"))


@pytest.mark.parametrize("token", ["", "x", "0" * 32, "ключ", "\ud800", "\0"])
def test_an_unknown_token_is_refused(scene: Scene, anna: Person, token: str) -> None:
    asks(scene, anna, "anna@shop.example")
    refuses(scene, TokenUnusable, lambda: verify_email(scene.shop, token, "en"))


def test_a_later_change_replaces_an_earlier_one(scene: Scene, anna: Person) -> None:
    first = asks(scene, anna, "first@shop.example").parameters["token"]
    second = asks(scene, anna, "second@shop.example").parameters["token"]
    refuses(scene, TokenUnusable, lambda: verify_email(scene.shop, first, "en"))
    verify_email(scene.shop, second, "en")
    assert emails(scene, anna) == AccountEmail(anna.id, "second@shop.example")


def test_all_links_of_one_address_end_with_the_first_use(scene: Scene, anna: Person) -> None:
    first = asks(scene, anna, "anna@shop.example").parameters["token"]
    second = asks(scene, anna, "anna@shop.example").parameters["token"]
    verify_email(scene.shop, first, "en")
    refuses(scene, TokenUnusable, lambda: verify_email(scene.shop, second, "en"))


def test_a_mail_for_a_replaced_address_is_not_sent(scene: Scene, anna: Person) -> None:
    for email in ("first@shop.example", "second@shop.example"):
        change_email(scene.shop, anna.actor, anna.id, EmailChange(email=email, password=PASSWORD), "en")
    assert [letter.recipient for letter in deliver(scene.shop)] == ["second@shop.example"]


def test_two_accounts_may_ask_for_an_address_and_one_gets_it(scene: Scene, anna: Person) -> None:
    boris = scene.person("boris")
    of_anna = asks(scene, anna, "one@shop.example").parameters["token"]
    of_boris = asks(scene, boris, "ONE@shop.example").parameters["token"]
    verify_email(scene.shop, of_boris, "en")
    refuses(scene, EmailTaken, lambda: verify_email(scene.shop, of_anna, "en"))
    assert asks(scene, anna, "one@shop.example").recipient == "one@shop.example"


def test_a_change_of_address_needs_the_password(scene: Scene, anna: Person) -> None:
    change = EmailChange(email="anna@shop.example", password="wrong")
    refuses(scene, WrongPassword, lambda: change_email(scene.shop, anna.actor, anna.id, change, "en"))
    refuses(scene, WrongPassword, lambda: change_email(scene.shop, OPERATOR, anna.id, change, "en"))
    refuses(scene, NotFound, lambda: change_email(scene.shop, OPERATOR, UserId(99), change, "en"))


def test_a_password_that_changes_meanwhile_is_checked_again(scene: Scene, anna: Person) -> None:
    """The new password is the one that counts."""
    verify = scene.shop.passwords.verify
    change = EmailChange(email="anna@shop.example", password=PASSWORD)

    @attrs.frozen
    class Overtaken:
        def verify(self, password: str, password_hash: str | None) -> bool:
            matches = verify(password, password_hash)
            if matches:
                passwords.set_password(scene.shop, OPERATOR, "anna", FRESH)
            return matches

    overtaken = attrs.evolve(scene.shop, passwords=Overtaken())  # type: ignore[arg-type]
    with pytest.raises(WrongPassword):
        change_email(overtaken, anna.actor, anna.id, change, "en")
    assert emails(scene, anna) == AccountEmail(anna.id)
    assert deliver(scene.shop) == []


@pytest.mark.parametrize(
    "email",
    [
        "anna@shop.example\r\nBcc: boris@shop.example",
        "anna@shop.example\n",
        "anna\r@shop.example",
        '"anna"@shop.example',
        '"an\\"na"@shop.example',
        "Anna <anna@shop.example>",
        "anna@магазин.рф",
        "анна@shop.example",
        "a" * 64 + "@" + "b" * 60 + ".example" * 24 + "ab",
        "a" * 65 + "@shop.example",
        "anna",
        "",
    ],
)
def test_an_address_that_no_mail_can_go_to_is_refused(email: str) -> None:
    for call in (lambda: EmailChange(email=email, password=""), lambda: ForgottenPassword(email)):
        with pytest.raises(InvalidFields) as refusal:
            call()
        (field,) = refusal.value.fields
        assert (field.name, field.code) == ("email", FieldCode.NOT_AN_EMAIL)


def test_an_international_domain_is_written_in_ascii(scene: Scene, anna: Person) -> None:
    assert asks(scene, anna, "anna@xn--80aswg.xn--p1ai").recipient == "anna@xn--80aswg.xn--p1ai"


def test_a_forgotten_password_is_replaced_and_all_sessions_end(scene: Scene, anna: Person) -> None:
    has(scene, anna, "Anna@shop.example")
    pair = log_in(scene.shop, "anna", PASSWORD)
    (letter,) = forgets(scene, "anna@SHOP.example")
    assert (letter.recipient, letter.mail.template, letter.mail.language) == (
        "Anna@shop.example",
        MailTemplate.RESET_PASSWORD,
        "ru",
    )
    authenticate(scene.shop, read_token(scene.shop, pair.access, "access"))
    reset_password(scene.shop, PasswordReset(token=letter.parameters["token"], new_password=FRESH), "ru")
    with pytest.raises(Unauthenticated):
        authenticate(scene.shop, read_token(scene.shop, pair.access, "access"))
    with pytest.raises(BadCredentials):
        log_in(scene.shop, "anna", PASSWORD)
    log_in(scene.shop, "anna", FRESH)
    (told,) = deliver(scene.shop)
    assert (told.recipient, told.mail.template, told.parameters) == (
        "Anna@shop.example",
        MailTemplate.PASSWORD_RESET,
        {"username": "anna"},
    )


def test_only_the_owner_of_a_verified_address_gets_a_link(scene: Scene, anna: Person) -> None:
    """A pending address, that of a deactivated user, and an unknown one get nothing. The caller learns nothing."""
    boris = scene.person("boris", email="boris@shop.example")
    asks(scene, boris, "boris@shop.example")
    has(scene, anna, "anna@shop.example")
    scene.change_user(anna.id, is_active=False)
    for email in ("boris@shop.example", "anna@shop.example", "unknown@shop.example"):
        assert forgets(scene, email) == []


def test_a_forgotten_password_writes_the_same_for_every_address(scene: Scene, anna: Person) -> None:
    has(scene, anna, "anna@shop.example")
    mails = []
    for email in ("anna@shop.example", "unknown@shop.example"):
        request_password_reset(scene.shop, ForgottenPassword(email), "en")
        mail = scene.store.write(lambda tx: tx.outbox.take_due(scene.clock.now, scene.clock.now))
        assert mail is not None
        scene.store.write(lambda tx, mail=mail: tx.outbox.delete(mail.id))  # type: ignore[misc]
        mails.append(attrs.evolve(mail, id=0, recipient=""))  # type: ignore[arg-type]
    assert mails[0] == mails[1]


def test_the_policy_for_passwords_holds_for_a_reset(scene: Scene, anna: Person) -> None:
    has(scene, anna, "anna@shop.example")
    (letter,) = forgets(scene, "anna@shop.example")
    for password in ("short", "password123", ""):
        reset = PasswordReset(token=letter.parameters["token"], new_password=password)
        refuses(scene, InvalidFields, lambda reset=reset: reset_password(scene.shop, reset, "en"))  # type: ignore[misc]
    with pytest.raises(InvalidFields):
        PasswordReset(token="x", new_password="x" * 129)
    reset_password(scene.shop, PasswordReset(token=letter.parameters["token"], new_password=FRESH), "en")


def test_a_link_ends_when_the_password_or_the_address_changes(scene: Scene, anna: Person) -> None:
    has(scene, anna, "anna@shop.example")

    def links() -> PasswordReset:
        return PasswordReset(
            token=forgets(scene, "anna@shop.example")[0].parameters["token"], new_password="a third good password"
        )

    older = links()
    passwords.change_password(scene.shop, anna.actor, anna.id, PasswordChange(PASSWORD, FRESH))
    refuses(scene, TokenUnusable, lambda: reset_password(scene.shop, older, "en"))
    old = links()
    passwords.set_password(scene.shop, OPERATOR, "anna", PASSWORD)
    refuses(scene, TokenUnusable, lambda: reset_password(scene.shop, old, "en"))
    one, other = links(), links()
    reset_password(scene.shop, one, "en")
    refuses(scene, TokenUnusable, lambda: reset_password(scene.shop, other, "en"))
    passwords.set_password(scene.shop, OPERATOR, "anna", PASSWORD)
    last = links()
    has(scene, anna, "new@shop.example")
    refuses(scene, TokenUnusable, lambda: reset_password(scene.shop, last, "en"))


def test_a_new_password_withdraws_a_change_of_the_address(scene: Scene, anna: Person) -> None:
    """The old password may have been known to the one who requested the change."""
    has(scene, anna, "anna@shop.example")
    forgets_to_reset = forgets(scene, "anna@shop.example")[0].parameters["token"]
    replacements: list[Callable[[], object]] = [
        lambda: reset_password(scene.shop, PasswordReset(token=forgets_to_reset, new_password=PASSWORD), "en"),
        lambda: passwords.set_password(scene.shop, OPERATOR, "anna", PASSWORD),
        lambda: passwords.change_password(scene.shop, anna.actor, anna.id, PasswordChange(PASSWORD, FRESH)),
    ]
    for replace in replacements:
        link = asks(scene, anna, "thief@shop.example").parameters["token"]
        replace()
        refuses(scene, TokenUnusable, lambda link=link: verify_email(scene.shop, link, "en"))  # type: ignore[misc]
        assert scene.store.read(lambda tx: tx.emails.of(anna.id)).pending is None


def test_a_deactivated_user_uses_no_link(scene: Scene, anna: Person) -> None:
    has(scene, anna, "anna@shop.example")
    reset = PasswordReset(token=forgets(scene, "anna@shop.example")[0].parameters["token"], new_password=FRESH)
    verifying = asks(scene, anna, "new@shop.example").parameters["token"]
    scene.change_user(anna.id, is_active=False)
    refuses(scene, TokenUnusable, lambda: reset_password(scene.shop, reset, "en"))
    refuses(scene, TokenUnusable, lambda: verify_email(scene.shop, verifying, "en"))


def test_without_mail_what_needs_it_is_refused() -> None:
    scene = Scene(Policy(sends_mail=False))
    person = scene.person("anna")
    change = EmailChange(email="anna@shop.example", password=PASSWORD)
    refuses(scene, MailDisabled, lambda: change_email(scene.shop, person.actor, person.id, change, "en"))
    refuses(
        scene, MailDisabled, lambda: request_password_reset(scene.shop, ForgottenPassword("anna@shop.example"), "en")
    )
