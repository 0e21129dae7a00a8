"""Users, actors, registrations and claims, without a store."""

from datetime import UTC, datetime, timedelta
from typing import Any

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sellout_core.errors import FieldCode, Forbidden, InvalidField, InvalidFields, SellOutError, Unauthenticated
from sellout_core.people.accounts import (
    ANONYMOUS,
    OPERATOR,
    Actor,
    Address,
    Claims,
    Credentials,
    NewAddress,
    NewUser,
    Registration,
    Session,
    TokenPair,
    User,
    viewed_ids,
)
from sellout_core.values import AddressId, ProductId, SessionId, UserId

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
ANNA, BORIS = UserId(1), UserId(2)
OWN, STAFF = Actor(ANNA), Actor(UserId(3), is_staff=True)


def user(user_id: UserId = ANNA, *viewed: int) -> User:
    new = Registration("anna", "a password").new_user(NOW)
    return User.of(user_id, attrs.evolve(new, last_viewed=tuple(ProductId(product_id) for product_id in viewed)))


def invalid(refusal: pytest.ExceptionInfo[InvalidFields]) -> list[str]:
    return [field.name for field in refusal.value.fields]


@pytest.mark.parametrize("actor", [OWN, STAFF, OPERATOR])
def test_a_users_own_things_are_theirs_and_staffs(actor: Actor) -> None:
    actor.require_user(ANNA)
    assert actor.may_see(ANNA)


@pytest.mark.parametrize(("actor", "refusal"), [(ANONYMOUS, Unauthenticated), (Actor(BORIS), Forbidden)])
def test_other_users_are_refused(actor: Actor, refusal: type[SellOutError]) -> None:
    with pytest.raises(refusal):
        actor.require_user(ANNA)
    assert not actor.may_see(ANNA)


@pytest.mark.parametrize("actor", [STAFF, OPERATOR])
def test_staffs_things_are_staffs(actor: Actor) -> None:
    actor.require_staff()


@pytest.mark.parametrize(("actor", "refusal"), [(ANONYMOUS, Unauthenticated), (OWN, Forbidden)])
def test_users_without_staff_rights_are_refused(actor: Actor, refusal: type[SellOutError]) -> None:
    with pytest.raises(refusal):
        actor.require_staff()


@pytest.mark.parametrize("actor", [OWN, STAFF, OPERATOR])
def test_anybody_but_an_anonymous_actor_is_known(actor: Actor) -> None:
    actor.require_known()


def test_an_anonymous_actor_is_not_known() -> None:
    with pytest.raises(Unauthenticated):
        Actor().require_known()


def test_a_registration_becomes_an_ordinary_active_user_who_never_logged_in() -> None:
    new = Registration("anna", "a password", "Анна", "Кузнецова").new_user(NOW)
    assert new == NewUser(username="anna", first_name="Анна", last_name="Кузнецова", email="", joined_at=NOW)
    assert (new.is_staff, new.is_superuser, new.is_active, new.last_login) == (False, False, True, None)
    assert (new.purchased_total, new.personal_discount, new.last_viewed) == (0, 0, ())
    assert (new.gender_id, new.referral_link, new.preferred_size_grid, new.referrer_id) == (None, None, None, None)


def test_an_admins_registration_becomes_a_superuser_who_is_staff() -> None:
    new = Registration("root", "a password").new_user(NOW, is_admin=True)
    assert (new.is_staff, new.is_superuser) == (True, True)


@pytest.mark.parametrize(("gender", "gender_id"), [("male", 1), ("female", 2), (None, None)])
def test_a_gender_is_registered_by_name(gender: Any, gender_id: int | None) -> None:
    assert Registration("anna", "a password", gender=gender).new_user(NOW).gender_id == gender_id


@pytest.mark.parametrize(
    ("username", "email", "expected"),
    [
        ("anna", "", ""),
        ("anna", "anna@mail.ru", "anna@mail.ru"),
        ("anna@mail.ru", "", "anna@mail.ru"),
        ("anna@mail.ru", "other@mail.ru", "other@mail.ru"),
        ("anna@mail", "", ""),
    ],
)
def test_a_username_that_is_an_email_address_becomes_the_email(username: str, email: str, expected: str) -> None:
    assert Registration(username, "a password", email=email).new_user(NOW).email == expected


@pytest.mark.parametrize(
    ("changes", "names"),
    [
        ({"username": ""}, ["username"]),
        ({"username": " "}, ["username"]),
        ({"username": "x" * 151}, ["username"]),
        ({"username": "a\0"}, ["username"]),
        ({"password": "x" * 129}, ["password"]),
        ({"password": "x\ud800"}, ["password"]),
        ({"first_name": "x" * 151, "last_name": "x" * 151}, ["first_name", "last_name"]),
        ({"email": "mail"}, ["email"]),
    ],
)
def test_a_registration_out_of_its_limits_names_the_fields(changes: dict[str, Any], names: list[str]) -> None:
    with pytest.raises(InvalidFields) as refusal:
        Registration(**{"username": "anna", "password": "a password", **changes})
    assert invalid(refusal) == names


def test_a_registration_at_its_limits_is_let_through() -> None:
    assert Registration("x" * 150, "x" * 128, "x" * 150, "x" * 150).username == "x" * 150
    assert Registration("x", "").username == "x"


def test_an_address_at_its_limits_is_let_through() -> None:
    assert NewAddress("x" * 500, "x" * 20).post_index == "x" * 20
    assert NewAddress("x", "").address == "x"


@pytest.mark.parametrize(
    ("address", "post_index", "names"),
    [
        ("", "308033", ["address"]),
        ("  ", "308033", ["address"]),
        ("x" * 501, "308033", ["address"]),
        ("x", "1" * 21, ["post_index"]),
        ("", "\0", ["address", "post_index"]),
    ],
)
def test_an_address_out_of_its_limits_names_the_fields(address: str, post_index: str, names: list[str]) -> None:
    with pytest.raises(InvalidFields) as refusal:
        NewAddress(address, post_index)
    assert invalid(refusal) == names


def test_a_user_with_an_id_keeps_everything_they_were_made_of() -> None:
    new = NewUser(
        username="anna",
        first_name="Анна",
        last_name="Кузнецова",
        email="anna@mail.ru",
        joined_at=NOW,
        last_login=NOW + timedelta(days=1),
        referrer_id=BORIS,
        last_viewed=(ProductId(3),),
    )
    stored = User.of(ANNA, new)
    assert (stored.id, stored.addresses) == (ANNA, ())
    assert all(getattr(stored, field.name) == getattr(new, field.name) for field in attrs.fields(NewUser))


def test_a_viewed_product_comes_first() -> None:
    assert user(ANNA, 1, 2).having_viewed(ProductId(3)).last_viewed == (3, 1, 2)


def test_a_product_viewed_again_moves_to_the_front() -> None:
    assert user(ANNA, 1, 2, 3).having_viewed(ProductId(3)).last_viewed == (3, 1, 2)


def test_the_eighth_viewed_product_pushes_out_the_oldest() -> None:
    assert user(ANNA, 7, 6, 5, 4, 3, 2, 1).having_viewed(ProductId(8)).last_viewed == (8, 7, 6, 5, 4, 3, 2)


@given(st.lists(st.integers(1, 12)))
def test_the_last_seven_distinct_products_are_kept_latest_first(views: list[int]) -> None:
    viewer = user()
    for product_id in views:
        viewer = viewer.having_viewed(ProductId(product_id))
    distinct = sorted(set(views), key=views[::-1].index)
    assert list(viewer.last_viewed) == distinct[:7]


def test_viewed_ids_are_everybodys() -> None:
    assert viewed_ids([user(ANNA, 1, 2), user(BORIS, 2, 3), user(UserId(3))]) == {1, 2, 3}
    assert viewed_ids([]) == set()


def test_an_address_is_found_by_its_id_in_its_users_book_alone() -> None:
    home, work = Address(AddressId(4), "home", "1"), Address(AddressId(6), "work", "2")
    owner = attrs.evolve(user(), addresses=(home, work))
    assert owner.address(AddressId(6)) is work
    assert owner.address(AddressId(4)) is home
    assert owner.address(AddressId(5)) is None


def claims(jti: str) -> Claims:
    return Claims("access", NOW, NOW, jti, ANNA)


def test_claims_name_their_session_by_the_first_half_of_the_jti() -> None:
    assert claims("0123456789abcdef" + "f" * 16).session_id == "0123456789abcdef"


def test_a_fingerprint_tells_tokens_apart_without_giving_them_away() -> None:
    one, other = claims("0" * 32), claims("0" * 31 + "1")
    assert one.fingerprint == claims("0" * 32).fingerprint
    assert one.fingerprint != other.fingerprint
    assert one.jti not in one.fingerprint


@pytest.mark.parametrize(
    "secretive",
    [
        Registration("anna", "hush-hush"),
        Credentials(ANNA, "hush-hush", is_active=True),
        Session(SessionId("s"), ANNA, "hush-hush", NOW),
        TokenPair("hush-hush", "hush-hush"),
    ],
    ids=lambda secretive: type(secretive).__name__,
)
def test_secrets_do_not_show_in_what_is_printed(secretive: object) -> None:
    assert "hush" not in repr(secretive)


def test_a_gender_is_one_of_two_or_none() -> None:
    with pytest.raises(InvalidFields) as caught:
        Registration("anna", "long enough", gender="other")  # type: ignore[arg-type]
    assert caught.value.fields == (InvalidField("gender", "must be male or female", FieldCode.NOT_ONE_OF),)
