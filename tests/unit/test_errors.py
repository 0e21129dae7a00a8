"""The tree of errors: categories, codes, and typed attributes."""

import pytest

from sellout_core import errors, picture_errors
from sellout_core.errors import FieldCode, SellOutError
from sellout_core.people import refusals

CATEGORIES = (
    errors.Invalid,
    errors.Unauthenticated,
    errors.Forbidden,
    errors.NotFound,
    errors.Conflict,
    errors.Unavailable,
)


def descendants(kind: type[SellOutError]) -> set[type[SellOutError]]:
    return {kind}.union(*(descendants(child) for child in kind.__subclasses__()))


ABSTRACT = {SellOutError, errors.Invalid, errors.Conflict}
MODULES = (errors, picture_errors, refusals)
NAMES = {module.__name__ for module in MODULES}
CONCRETE = sorted((kind for kind in descendants(SellOutError) if kind.__module__ in NAMES), key=str)
CONCRETE = [kind for kind in CONCRETE if kind not in ABSTRACT]


def test_every_error_of_the_module_is_in_the_tree() -> None:
    things = [thing for module in MODULES for thing in vars(module).values()]
    defined = {thing for thing in things if isinstance(thing, type) and issubclass(thing, Exception)}
    assert defined == set(CONCRETE) | ABSTRACT


@pytest.mark.parametrize("kind", CONCRETE)
def test_an_error_is_of_one_category(kind: type[SellOutError]) -> None:
    assert sum(issubclass(kind, category) for category in CATEGORIES) == 1


@pytest.mark.parametrize("kind", CONCRETE)
def test_an_error_has_a_code_of_its_own_in_snake_case(kind: type[SellOutError]) -> None:
    assert "code" in vars(kind)
    assert kind.code.replace("_", "").isalpha()
    assert kind.code == kind.code.lower()
    assert [other for other in CONCRETE if other.code == kind.code] == [kind]


@pytest.mark.parametrize("kind", sorted(ABSTRACT, key=str))
def test_a_category_that_never_stands_alone_has_no_code(kind: type[SellOutError]) -> None:
    assert not hasattr(kind, "code")


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        (errors.NotInCart, "not_in_cart"),
        (errors.UnitsUnavailable, "unavailable"),
        (errors.PriceChanged, "price_changed"),
        (errors.InvalidFields, "invalid_fields"),
    ],
)
def test_the_codes_the_contract_names_are_those(kind: type[SellOutError], code: str) -> None:
    """The codes are those in docs/http-contract.md#errors."""
    assert kind.code == code


def test_typed_fields_carry_what_a_client_can_act_on() -> None:
    field = errors.InvalidField("username", "must not be blank", FieldCode.BLANK)
    assert errors.InvalidFields((field,)).fields == (field,)
    assert errors.NotInCart((1, 2)).unit_ids == (1, 2)
    assert errors.UnitsUnavailable((3,)).unit_ids == (3,)
    assert errors.PriceChanged(107).total == 107
    assert errors.LimitReached(100).maximum == 100


EXAMPLES: dict[type[SellOutError], tuple[object, ...]] = {
    errors.InvalidFields: (
        (
            errors.InvalidField("username", "must not be blank", FieldCode.BLANK),
            errors.InvalidField("gender", "is missing", FieldCode.REQUIRED),
        ),
    ),
    errors.LimitReached: (100,),
    errors.StillReferredTo: (("orders",),),
    errors.NotInCart: ((1, 2),),
    errors.UnitsUnavailable: ((3,),),
    errors.PriceChanged: (107,),
}


@pytest.mark.parametrize("kind", [*CONCRETE, *sorted(ABSTRACT, key=str)])
def test_an_error_is_a_sentence(kind: type[SellOutError]) -> None:
    """The sentence is plain text with the values of typed attributes."""
    text = str(kind(*EXAMPLES.get(kind, ())))
    assert text[0].isupper()
    assert text.endswith(".")
    assert len(text.split()) >= 4
    assert not set(text) & set("()[]{}_=")


def test_the_sentence_of_a_typed_error_holds_its_values() -> None:
    assert {kind: str(kind(*values)) for kind, values in EXAMPLES.items()} == {
        errors.InvalidFields: "Invalid fields: username must not be blank; gender is missing.",
        errors.LimitReached: "The limit of 100 is reached.",
        errors.StillReferredTo: "These refer to it: orders.",
        errors.NotInCart: "Product units 1, 2 are not in the cart.",
        errors.UnitsUnavailable: "Product units 3 are not available.",
        errors.PriceChanged: "The order costs 107, more than the buyer agreed to pay.",
    }


def test_an_error_raised_with_a_text_says_it() -> None:
    assert str(errors.Unavailable("the disk is full")) == "the disk is full"
