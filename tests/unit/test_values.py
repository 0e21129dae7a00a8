"""The rules of texts and numbers, at their limits."""

import unicodedata
from datetime import date

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sellout_core import values
from sellout_core.errors import Fault, FieldCode, InvalidField, InvalidFields
from sellout_core.values import Rule


@attrs.frozen
class Box:
    name: str = values.ruled(values.text(3, minimum=1))
    count: int = values.ruled(values.between(1, 9))
    note: str = "unruled"

    def __attrs_post_init__(self) -> None:
        values.enforce(self)


def test_every_field_that_breaks_its_rule_is_named() -> None:
    with pytest.raises(InvalidFields) as refusal:
        Box("long", 0)
    assert refusal.value.fields == (
        InvalidField("name", "must be 1 to 3 characters long", FieldCode.TOO_LONG),
        InvalidField("count", "must be from 1 to 9", FieldCode.OUT_OF_RANGE),
    )


def test_only_the_field_that_breaks_its_rule_is_named() -> None:
    with pytest.raises(InvalidFields) as refusal:
        Box("ok", 10)
    assert [field.name for field in refusal.value.fields] == ["count"]


def test_what_keeps_the_rules_is_let_through() -> None:
    assert Box("abc", 9) == Box("abc", 9, "unruled")


@pytest.mark.parametrize(
    ("rule", "good", "bad"),
    [
        (
            values.text(3),
            ["", "abc", "   ", "жёё", "👟👟👟", "e\u0301x"],
            ["abcd", "a\0", "\ud800", "\udfff", "x\udc00"],
        ),
        (values.text(3, minimum=1), ["a", " a ", "abc"], ["", " ", " \t\n", "\u3000", "abcd", "\0", "a\udabc"]),
        (values.optional(values.between(0, 5)), [None, 0, 5], [-1, 6]),
        (values.between(2, 4), [2, 3, 4], [1, 5]),
        (values.each(values.between(0, 5), 3), [(), (1,), (5, 0, 1)], [(1, 1), (0, 6), (6, 0), (0, 1, 2, 3)]),
        (values.identifier, [1, 2**53 - 1], [0, -1, 2**53, 2**63, 2**64]),
        (values.price, [0, 1_000_000_000], [-1, 1_000_000_001]),
        (values.percentage, [0, 100], [-1, 101]),
        (values.any_date, [date(1000, 1, 1), date.max], [date(999, 12, 31), date.min]),
    ],
)
def test_a_rule_draws_its_line_where_it_says(rule: Rule, good: list[object], bad: list[object]) -> None:
    assert [value for value in good if rule(value) is not None] == []
    assert [value for value in bad if not rule(value)] == []


@pytest.mark.parametrize(
    ("rule", "value", "reason", "code"),
    [
        (values.text(3), "abcd", "must be 0 to 3 characters long", FieldCode.TOO_LONG),
        (values.text(3, minimum=1), "", "must be 1 to 3 characters long", FieldCode.TOO_SHORT),
        (values.text(3, minimum=1), "  ", "must not be blank", FieldCode.BLANK),
        (values.text(3), "a\0", "must not contain NUL", FieldCode.CHARACTER_NOT_ALLOWED),
        (values.text(3), "\ud800", "must not contain lone surrogates", FieldCode.CHARACTER_NOT_ALLOWED),
        (values.each(values.percentage, 2), (1, 2, 3), "must hold at most 2 values", FieldCode.TOO_MANY),
        (values.each(values.percentage, 2), (1, 1), "must not repeat a value", FieldCode.REPEATED),
        (values.each(values.percentage, 2), (1, 101), "must be from 0 to 100", FieldCode.OUT_OF_RANGE),
        (values.any_date, date(999, 12, 31), "must be a date from 1000-01-01 on", FieldCode.OUT_OF_RANGE),
        (values.password, "x" * 129, "must be at most 128 characters long", FieldCode.TOO_LONG),
    ],
)
def test_a_rule_says_what_is_wrong(rule: Rule, value: object, reason: str, code: FieldCode) -> None:
    assert rule(value) == Fault(reason, code)


@pytest.mark.parametrize(
    "address",
    [
        "mail@mail.ru",
        "first.last+tag@sub.domain.org",
        "иван@почта.рф",
        "x" * 64 + "@mail.ru",
        "a@b-c.ru",
        "a@1.com",
        "o'neil@mail.ru",
        f"a@{'b' * 63}.{'c' * 63}.ru",
        f"{'x' * 64}@{'b' * 61}.{'c' * 61}.{'d' * 61}.ru",
    ],
)
def test_an_email_address_is_let_through(address: str) -> None:
    assert values.email(address) is None


@pytest.mark.parametrize(
    "address",
    [
        *("", "mail", "@mail.ru", "mail@", "mail@mail", "a b@mail.ru", "a@b@mail.ru", "a@mail..ru", ".a@mail.ru"),
        *("a.@mail.ru", "a..b@mail.ru", "a@-mail.ru", "a@mail-.ru", "a@mail.ru.", "a@.ru", "a@ma_il.ru", "a@mail.r"),
        *("a@mail.ru\n", " a@mail.ru", "<a@mail.ru>", "a@mail,ru", "a\0@mail.ru", "\ud800@mail.ru"),
        *("x" * 65 + "@mail.ru", f"a@{'b' * 64}.ru", f"{'x' * 64}@{'b' * 63}.{'c' * 63}.{'d' * 60}.ru"),
    ],
)
def test_what_is_no_email_address_is_refused(address: str) -> None:
    assert values.email(address) == Fault("must be an e-mail address", FieldCode.NOT_AN_EMAIL)


def test_an_email_address_has_254_characters_at_most() -> None:
    longest = f"{'x' * 64}@{'b' * 63}.{'c' * 63}.{'d' * 58}.ru"
    assert len(longest) == values.MAX_EMAIL
    assert values.email(longest) is None
    assert values.email(longest.replace("d.", "dd.")) is not None


@pytest.mark.parametrize("number", ["7", "+7", "7777777777777", "123456789012345", "+123456789012345"])
def test_a_telephone_number_is_let_through(number: str) -> None:
    assert values.telephone(number) is None


@pytest.mark.parametrize(
    "number", ["", "+", "1234567890123456", "+1234567890123456", "++7", "7-7", "7 7", "7+", "٣٤", "7\n", "tel", "-7"]
)
def test_what_is_no_telephone_number_is_refused(number: str) -> None:
    reason = "must be a telephone number of up to 15 digits"
    assert values.telephone(number) == Fault(reason, FieldCode.NOT_A_TELEPHONE_NUMBER)


@pytest.mark.parametrize("key", ["k", "!", "~", "two words", "k" * 255, "k" + " " * 253 + "k"])
def test_an_idempotency_key_is_let_through(key: str) -> None:
    assert values.idempotency_key(key) is None


@pytest.mark.parametrize("key", ["", " ", " k", "k ", "k" * 256, "ключ", "k\n", "k\0k", "k\tk", "\x7f"])
def test_what_is_no_idempotency_key_is_refused(key: str) -> None:
    reason = "must be 1 to 255 printable ASCII characters"
    assert values.idempotency_key(key) == Fault(reason, FieldCode.MALFORMED)


@pytest.mark.parametrize(
    ("one", "other"),
    [("anna", "ANNA"), ("Борис", "БОРИС"), ("straße", "STRASSE"), ("é", "e\u0301"), ("É", "e\u0301"), ("ς", "Σ")],
)
def test_names_that_differ_by_case_or_composition_alone_fold_alike(one: str, other: str) -> None:
    assert values.fold(one) == values.fold(other)


@pytest.mark.parametrize(("one", "other"), [("anna", "anne"), ("еж", "ёж"), ("a", "\u0430"), ("a", " a"), ("a", "")])
def test_names_that_differ_otherwise_do_not_fold_alike(one: str, other: str) -> None:
    assert values.fold(one) != values.fold(other)


@given(st.text())
def test_composition_never_matters_to_a_folded_name(name: str) -> None:
    assert values.fold(unicodedata.normalize("NFD", name)) == values.fold(name)


@given(st.text())
def test_folding_a_folded_name_changes_nothing(name: str) -> None:
    assert values.fold(values.fold(name)) == values.fold(name)


def test_the_contracts_limits() -> None:
    """The limits are those in docs/http-contract.md#paths and docs/http-contract.md#limits."""
    assert values.MAX_ID == 9_007_199_254_740_991
    assert (values.MAX_USERNAME, values.MAX_IDEMPOTENCY_KEY, values.LAST_VIEWED) == (150, 255, 7)
    assert (values.PAGE_SIZE, values.MAX_PAGE_SIZE, values.MAX_TELEPHONE_DIGITS) == (20, 100, 15)


def reason_of(fault: Fault | None) -> str | None:
    return None if fault is None else fault.reason


def test_rules_draw_their_lines_whenever_they_are_made() -> None:
    """A rule that is made at run time is the same as one of a module."""
    text, blank, both = values.text(3), values.text(3, minimum=1), values.each(values.identifier, 2)
    repeated = values.each(values.identifier, 2, distinct=False)
    assert [text(value) for value in ("", "abc", " ", "XX", "\ud7ff\ue000")] == [None] * 5
    assert [blank(value) for value in ("a", "abc")] == [None] * 2
    assert {value: blank(value) for value in ("", "abcd", "  ", "a\0", "\ud800", "a\udfff")} == {
        "": Fault("must be 1 to 3 characters long", FieldCode.TOO_SHORT),
        "abcd": Fault("must be 1 to 3 characters long", FieldCode.TOO_LONG),
        "  ": Fault("must not be blank", FieldCode.BLANK),
        "a\0": Fault("must not contain NUL", FieldCode.CHARACTER_NOT_ALLOWED),
        "\ud800": Fault("must not contain lone surrogates", FieldCode.CHARACTER_NOT_ALLOWED),
        "a\udfff": Fault("must not contain lone surrogates", FieldCode.CHARACTER_NOT_ALLOWED),
    }
    maybe = values.optional(values.identifier)
    assert (maybe(None), maybe(1), reason_of(maybe(0))) == (None, None, f"must be from 1 to {values.MAX_ID}")
    assert [both(value) for value in ((1, 2), (1, 2, 3), (1, 1), (0, 0))] == [
        None,
        Fault("must hold at most 2 values", FieldCode.TOO_MANY),
        Fault("must not repeat a value", FieldCode.REPEATED),
        Fault("must not repeat a value", FieldCode.REPEATED),
    ]
    assert [repeated(value) for value in ((1, 1), (1, 1, 1), (1, 0))] == [
        None,
        Fault("must hold at most 2 values", FieldCode.TOO_MANY),
        values.identifier(0),
    ]


def test_a_field_is_ruled_whenever_its_class_is_made() -> None:
    @attrs.frozen
    class Later:
        name: str = values.ruled(values.text(3), default="abc", repr=False)

    assert (Later().name, "abc" in repr(Later())) == ("abc", False)
    with pytest.raises(InvalidFields) as refusal:
        values.enforce(Later("abcd"))
    assert refusal.value.fields == (InvalidField("name", "must be 0 to 3 characters long", FieldCode.TOO_LONG),)
