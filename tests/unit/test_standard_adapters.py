"""The password hashes of argon2, and the rule for new usernames."""

import pytest
from argon2 import PasswordHasher, extract_parameters

from sellout_adapters.passwords import Argon2Passwords
from sellout_adapters.usernames import username_fault
from sellout_core.errors import FieldCode
from sellout_core.values import MAX_USERNAME


@pytest.fixture
def work(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The work of each call of argon2, in passes times KiB."""
    done: list[int] = []
    make, verify = PasswordHasher.hash, PasswordHasher.verify

    def noted_hash(hasher: PasswordHasher, password: bytes) -> str:
        done.append(hasher.time_cost * hasher.memory_cost)
        return make(hasher, password)

    def noted_verify(hasher: PasswordHasher, stored: str, password: bytes) -> bool:
        parameters = extract_parameters(stored)
        done.append(parameters.time_cost * parameters.memory_cost)
        return verify(hasher, stored, password)

    monkeypatch.setattr(PasswordHasher, "hash", noted_hash)
    monkeypatch.setattr(PasswordHasher, "verify", noted_verify)
    return done


@pytest.mark.parametrize("before", [(1, 64), (2, 64), (3, 64), (2, 48), (1, 200), (4, 8)])
def test_a_refused_log_in_takes_the_same_work_for_every_hash(work: list[int], before: tuple[int, int]) -> None:
    """The work is the same for any parameters of the stored hash, and for an unknown user. So the time does not reveal
    which usernames exist.
    """
    old = Argon2Passwords(*before).hash("password")
    passwords = Argon2Passwords(2, 64)
    passwords.verify("another", old)
    spent = set()
    for stored in (old, passwords.hash("password"), None):
        work.clear()
        assert not passwords.verify("another", stored)
        spent.add(sum(work))
    assert len(spent) == 1
    assert passwords.verify("password", old)


ALLOWED = ["artem", "Artem", "артём", "Straße", "αρτέμης", "東京tokyo", "mail@mail.ru", "имя@почта.рф", "_a.b-c+1"]


@pytest.mark.parametrize("username", ALLOWED)
def test_usernames_of_letters_digits_and_punctuation_are_allowed(username: str) -> None:
    assert username_fault(username) is None


INVISIBLE = ["art\u200bem", "artem ", " artem", "Anna Maria", "a\x1bb", "a\r\nb", "x\u0301\u200d"]
OTHERS = ["\N{FULLWIDTH LATIN SMALL LETTER A}rtem", "a\N{ARABIC-INDIC DIGIT ZERO}", "\N{ATHLETIC SHOE}", "\ud800"]


@pytest.mark.parametrize("username", INVISIBLE + OTHERS)
def test_usernames_that_look_like_others_or_cannot_be_seen_are_refused(username: str) -> None:
    """The rule is RFC 8265, section 3.3."""
    assert username_fault(username) is not None


@pytest.mark.parametrize(
    "username",
    [
        "\N{CYRILLIC SMALL LETTER A}rtem",
        "ARTEM\N{CYRILLIC CAPITAL LETTER A}",
        "\N{GREEK SMALL LETTER ALPHA}rtem",
        "иван\N{GREEK SMALL LETTER OMICRON}в",
        "иван-2@mail.ru",
    ],
)
def test_usernames_that_mix_similar_scripts_are_refused(username: str) -> None:
    """UTS #39, section 5.2."""
    fault = username_fault(username)
    assert fault is not None
    assert fault.code == FieldCode.MIXED_SCRIPTS


def test_the_longest_username_is_allowed() -> None:
    assert username_fault("ж" * MAX_USERNAME) is None
