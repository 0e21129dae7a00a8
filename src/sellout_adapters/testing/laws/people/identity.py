"""Laws of e-mail addresses, single-use tokens and the outbox."""

from datetime import UTC, datetime, timedelta
from typing import Any

import attrs

from sellout_adapters.testing.harness import pytest
from sellout_adapters.testing.laws.people.accounts import new_user
from sellout_adapters.testing.laws.races import RACERS, racing
from sellout_adapters.testing.scene import Scene
from sellout_core.errors import BadCredentials, EmailTaken, TokenUnusable
from sellout_core.mail import Mail, MailTemplate, NewMail
from sellout_core.people.identity import AccountEmail, PasswordReset, SingleUseToken, fingerprint_of
from sellout_core.ports.store import Store, Transaction
from sellout_core.use_cases.people.identity import reset_password
from sellout_core.use_cases.people.sessions import log_in
from sellout_core.values import MailId, UserId

NOW = datetime(2026, 3, 1, 12, 0, 0, 123_456, UTC)
MINUTE = timedelta(minutes=1)


def user(store: Store, name: str = "anna") -> UserId:
    """Stores a user."""
    return store.write(lambda tx: tx.users.add(new_user(name), "hash")).id


def save(store: Store, email: AccountEmail) -> None:
    """Writes the addresses of a user."""

    def work(tx: Transaction) -> None:
        tx.users.for_update(email.user_id)
        tx.emails.save(email)

    store.write(work)


class EmailLaws:
    """A verified address belongs to one user."""

    def test_addresses_come_back_as_stored(self, store: Store) -> None:
        anna, boris = user(store), user(store, "boris")
        assert store.read(lambda tx: tx.emails.of(anna)) == AccountEmail(anna)
        for email in (
            AccountEmail(anna, None, "Anna@shop.example"),
            AccountEmail(anna, "Anna@shop.example", None),
            AccountEmail(anna, "Anna@shop.example", "other@shop.example"),
        ):
            save(store, email)
            assert store.read(lambda tx: tx.emails.of(anna)) == email
        assert store.read(lambda tx: tx.emails.of(boris)) == AccountEmail(boris)
        assert store.read(lambda tx: tx.emails.by_address("anna@SHOP.example")) == email
        assert store.read(lambda tx: tx.emails.by_address("other@shop.example")) is None

    def test_a_verified_address_is_unique_and_a_pending_one_is_not(self, store: Store) -> None:
        anna, boris = user(store), user(store, "boris")
        save(store, AccountEmail(anna, "anna@shop.example"))
        save(store, AccountEmail(boris, None, "anna@shop.example"))
        with pytest.raises(EmailTaken):
            save(store, AccountEmail(boris, "ANNA@shop.example"))
        assert store.read(lambda tx: tx.emails.of(boris)) == AccountEmail(boris, None, "anna@shop.example")
        save(store, AccountEmail(anna, "anna@shop.example", "new@shop.example"))
        save(store, AccountEmail(anna))
        save(store, AccountEmail(boris, "ANNA@shop.example"))

    def test_one_of_many_gets_an_address(self, store: Store) -> None:
        users = [user(store, f"user{number}") for number in range(RACERS)]

        def verify(number: int) -> bool:
            try:
                save(store, AccountEmail(users[number], "one@shop.example"))
            except EmailTaken:
                return False
            return True

        assert sum(racing(RACERS, verify)) == 1


def token(user_id: UserId, fingerprint: str = "print", **other: Any) -> SingleUseToken:
    """A token to store."""
    plain = SingleUseToken(fingerprint, user_id, "verify_email", "anna@shop.example", NOW + MINUTE)
    return attrs.evolve(plain, **other)


class SingleUseTokenLaws:
    """A token is taken once."""

    def test_a_token_comes_back_as_stored(self, store: Store) -> None:
        stored = token(user(store))
        store.write(lambda tx: tx.single_use_tokens.add(stored))
        assert store.read(lambda tx: tx.single_use_tokens.of("print")) == stored
        assert store.read(lambda tx: tx.single_use_tokens.of("other")) is None

    def test_of_many_one_takes_a_token(self, store: Store) -> None:
        stored = token(user(store))
        store.write(lambda tx: tx.single_use_tokens.add(stored))
        assert sum(racing(RACERS, lambda _: store.write(lambda tx: tx.single_use_tokens.take("print")))) == 1
        assert store.read(lambda tx: tx.single_use_tokens.of("print")) is None

    def test_of_simultaneous_resets_with_one_token_one_sets_the_password(self, scene: Scene) -> None:
        """The others change nothing, and the user gets one mail."""
        anna = scene.user("anna")
        now, sent = scene.clock.now, "sent"
        stored = token(anna, fingerprint_of(sent), purpose="reset_password", expires_at=now + MINUTE)
        scene.store.write(lambda tx: tx.single_use_tokens.add(stored))

        def reset(number: int) -> int:
            reset_password(scene.shop, PasswordReset(token=sent, new_password=f"new password {number}"), "en")
            return number

        results = racing(RACERS, reset)
        [winner] = [result for result in results if not isinstance(result, TokenUnusable)]
        assert scene.store.read(lambda tx: tx.sessions.of(anna)) == []
        mails = [scene.store.write(lambda tx: tx.outbox.take_due(now, now + MINUTE)) for _ in range(2)]
        assert [mail is None for mail in mails] == [False, True]
        for number in range(RACERS):
            if number == winner:
                log_in(scene.shop, "anna", f"new password {number}")
            else:
                with pytest.raises(BadCredentials):
                    log_in(scene.shop, "anna", f"new password {number}")

    def test_tokens_are_deleted_by_user_and_purpose_and_by_time(self, store: Store) -> None:
        anna, boris = user(store), user(store, "boris")
        for stored in (
            token(anna, "a"),
            token(anna, "b", purpose="reset_password"),
            token(boris, "c"),
            token(boris, "d", expires_at=NOW),
        ):
            store.write(lambda tx, stored=stored: tx.single_use_tokens.add(stored))  # type: ignore[misc]

        def left() -> str:
            return store.read(lambda tx: "".join(name for name in "abcd" if tx.single_use_tokens.of(name)))

        store.write(lambda tx: tx.single_use_tokens.delete_of(anna, "verify_email"))
        assert left() == "bcd"
        assert store.write(lambda tx: tx.single_use_tokens.delete_expired(NOW, 9)) == 1
        assert left() == "bc"
        assert [store.write(lambda tx: tx.single_use_tokens.delete_expired(NOW + MINUTE, 1)) for _ in range(3)] == [
            1,
            1,
            0,
        ]


def mail(recipient: str = "anna@shop.example", **other: Any) -> NewMail:
    """A mail to store."""
    plain = NewMail(
        recipient=recipient,
        template=MailTemplate.EMAIL_CHANGED,
        language="ru",
        parameters={"username": "Анна <b>"},
        created_at=NOW,
    )
    return attrs.evolve(plain, **other)


def add(store: Store, *mails: NewMail) -> None:
    """Stores mails."""
    for each in mails:
        store.write(lambda tx, each=each: tx.outbox.add(each))  # type: ignore[misc]


def take(store: Store, now: datetime = NOW, due_again: datetime = NOW + MINUTE) -> Mail | None:
    """Takes a mail. Asserts that `has_due` told whether there is one."""
    announced = store.read(lambda tx: tx.outbox.has_due(now))
    taken = store.write(lambda tx: tx.outbox.take_due(now, due_again))
    assert announced == (taken is not None)
    return taken


class OutboxLaws:
    """Mails to one address are taken in order, and each by one process at a time."""

    def test_a_mail_comes_back_as_stored(self, store: Store) -> None:
        stored = mail(user_id=user(store))
        add(store, stored)
        taken = take(store)
        assert taken == Mail(id=taken.id, attempts=1, **attrs.asdict(stored, recurse=False)) if taken else False

    def test_a_mail_is_due_when_its_lease_ends(self, store: Store) -> None:
        add(store, mail())
        assert take(store, NOW - MINUTE) is None
        first = take(store)
        assert first is not None
        assert take(store) is None
        again = take(store, NOW + MINUTE)
        assert again == attrs.evolve(first, attempts=2)
        store.write(lambda tx: tx.outbox.delete(again.id))
        assert take(store, NOW + 9 * MINUTE) is None

    def test_a_postponed_mail_is_due_later_unless_it_was_taken_again(self, store: Store) -> None:
        add(store, mail())
        first = take(store)
        assert first is not None
        store.write(lambda tx: tx.outbox.postpone(first, NOW + 5 * MINUTE))
        assert take(store, NOW + 4 * MINUTE) is None
        second = take(store, NOW + 5 * MINUTE, NOW + 6 * MINUTE)
        assert second is not None
        store.write(lambda tx: tx.outbox.postpone(first, NOW + 9 * MINUTE))
        third = take(store, NOW + 6 * MINUTE)
        assert third == attrs.evolve(first, attempts=3)

    def test_mails_to_one_address_wait_for_the_first(self, store: Store) -> None:
        add(store, mail(language="ru"), mail("ANNA@shop.example", language="en"), mail("boris@shop.example"))
        one, other = take(store), take(store)
        assert one is not None
        assert other is not None
        assert [one.recipient, other.recipient] == ["anna@shop.example", "boris@shop.example"]
        assert take(store) is None
        store.write(lambda tx: tx.outbox.postpone(one, NOW + 5 * MINUTE))
        store.write(lambda tx: tx.outbox.delete(other.id))
        assert take(store, NOW + 4 * MINUTE) is None
        store.write(lambda tx: tx.outbox.delete(one.id))
        last = take(store)
        assert last is not None
        assert last.recipient == "ANNA@shop.example"
        store.write(lambda tx: tx.outbox.delete(MailId(2**53 - 1)))

    def test_no_two_processes_take_one_mail(self, store: Store) -> None:
        add(store, *(mail(f"user{number}@shop.example") for number in range(RACERS)), mail("user0@shop.example"))

        def take_all(_: int) -> list[MailId]:
            taken = []
            while (found := store.write(lambda tx: tx.outbox.take_due(NOW, NOW + MINUTE))) is not None:
                taken.append(found.id)
            return taken

        ids = [mail_id for some in racing(RACERS, take_all) for mail_id in some]
        assert len(ids) == len(set(ids)) == RACERS

    def test_a_mail_is_rolled_back_with_the_change_it_tells_about(self, store: Store) -> None:
        def work(tx: Transaction) -> None:
            tx.outbox.add(mail())
            raise EmailTaken

        with pytest.raises(EmailTaken):
            store.write(work)
        assert take(store) is None
