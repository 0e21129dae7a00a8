"""E-mail addresses of accounts and forgotten passwords (docs/http-contract.md#email)."""

import attrs

from sellout_core.errors import MailDisabled, TokenUnusable
from sellout_core.mail import Language, MailTemplate, NewMail
from sellout_core.people.accounts import Actor
from sellout_core.people.identity import (
    AccountEmail,
    EmailChange,
    ForgottenPassword,
    PasswordReset,
    SingleUseToken,
    TokenPurpose,
    fingerprint_of,
)
from sellout_core.ports.store import Transaction
from sellout_core.shop import ReadingShop, Shop
from sellout_core.use_cases.people.passwords import LockUser, replace_password, require_password, with_password
from sellout_core.use_cases.people.users import found_user
from sellout_core.values import UserId

__all__ = ["change_email", "post_mail", "read_email", "request_password_reset", "reset_password", "verify_email"]


def read_email(shop: ReadingShop, actor: Actor, user_id: UserId) -> AccountEmail:
    """The verified and the pending address of a user.

    Raises:
        Unauthenticated, Forbidden: the actor is neither that user nor staff.
        NotFound: there is no such user.
    """
    actor.require_user(user_id)

    def work(tx: Transaction) -> AccountEmail:
        found_user(tx, user_id)
        return tx.emails.of(user_id)

    return shop.store.read(work)


def change_email(shop: Shop, actor: Actor, user_id: UserId, change: EmailChange, language: Language) -> None:
    """Sends a link to a new address. It becomes the user's address when the link is used. A later change replaces it.

    Raises:
        Unauthenticated, Forbidden: the actor is neither that user nor staff.
        MailDisabled: the shop sends no mail.
        NotFound: there is no such user.
        WrongPassword: the password is not the user's.
    """
    actor.require_user(user_id)
    _require_mail(shop)

    def work(tx: Transaction, locked: LockUser) -> None:
        user = locked(tx)
        tx.emails.save(attrs.evolve(tx.emails.of(user.id), pending=change.email))
        post_mail(shop, tx, MailTemplate.VERIFY_EMAIL, change.email, language, user_id=user.id)

    with_password(shop, user_id, change.password, lambda locked: shop.store.write(lambda tx: work(tx, locked)))


def verify_email(shop: Shop, token: str, language: Language) -> None:
    """Makes the address that a token was sent to the user's address, and tells the old and the new address.

    Raises:
        TokenUnusable: the token is unknown, was used, has expired, or is for another purpose or an older change.
        EmailTaken: another user has verified the address meanwhile.
    """
    proof = _proof(shop, token, "verify_email")

    def work(tx: Transaction) -> None:
        user = tx.users.for_update(proof.user_id)
        before = tx.emails.of(proof.user_id)
        taken = tx.single_use_tokens.take(proof.fingerprint)
        if user is None or not user.is_active or not taken or before.pending != proof.address:
            raise TokenUnusable
        tx.emails.save(AccountEmail(user.id, proof.address, language=language))
        tx.users.save(attrs.evolve(user, email=proof.address))
        tx.single_use_tokens.delete_of(user.id, "verify_email")
        # They were sent to the old address.
        tx.single_use_tokens.delete_of(user.id, "reset_password")
        if before.address not in {None, proof.address}:
            for address in (before.address, proof.address):
                assert address is not None  # noqa: S101 - for the type alone
                words = {"username": user.username, "email": proof.address}
                post_mail(shop, tx, MailTemplate.EMAIL_CHANGED, address, language, user_id=user.id, **words)

    shop.store.write(work)


def request_password_reset(shop: Shop, forgotten: ForgottenPassword, language: Language) -> None:
    """Sends a link for a new password, if the address is the verified address of an active user. It does the same work
    for every address: the account is looked up when the mail is sent.

    Raises:
        MailDisabled: the shop sends no mail.
    """
    _require_mail(shop)
    shop.store.write(lambda tx: post_mail(shop, tx, MailTemplate.RESET_PASSWORD, forgotten.email, language))


def reset_password(shop: Shop, reset: PasswordReset, language: Language) -> None:
    """Replaces the password of the user whom a token was sent to, revokes all sessions, and tells the user.

    Raises:
        TokenUnusable: the token is unknown, was used, has expired, or is for another purpose.
        InvalidFields: the shop's policy does not allow the new password.
    """
    require_password(shop, reset.new_password, "new_password")
    proof = _proof(shop, reset.token, "reset_password")
    password_hash = shop.passwords.hash(reset.new_password)

    def work(tx: Transaction) -> None:
        user = tx.users.for_update(proof.user_id)
        if user is None or not user.is_active or not tx.single_use_tokens.take(proof.fingerprint):
            raise TokenUnusable
        replace_password(tx, user.id, password_hash)
        words = {"username": user.username}
        post_mail(shop, tx, MailTemplate.PASSWORD_RESET, proof.address, language, user_id=user.id, **words)

    shop.store.write(work)


def _require_mail(shop: Shop) -> None:
    if not shop.policy.sends_mail:
        raise MailDisabled


def _proof(shop: Shop, token: str, purpose: TokenPurpose) -> SingleUseToken:
    """The stored token, before its user is locked."""
    found = shop.store.read(lambda tx: tx.single_use_tokens.of(fingerprint_of(token)))
    if found is None or found.purpose != purpose or found.expires_at <= shop.clock():
        raise TokenUnusable
    return found


def post_mail(
    shop: Shop,
    tx: Transaction,
    template: MailTemplate,
    recipient: str,
    language: Language,
    *,
    user_id: UserId | None = None,
    **parameters: str,
) -> None:
    """Writes a mail to the outbox. `parameters` are the values of the template."""
    mail = NewMail(
        recipient=recipient,
        template=template,
        language=language,
        user_id=user_id,
        parameters=parameters,
        created_at=shop.clock(),
    )
    tx.outbox.add(mail)
