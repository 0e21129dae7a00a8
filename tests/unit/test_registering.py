"""Registering users and creating admins."""

from datetime import UTC, timedelta
from functools import partial

import attrs
import pytest

from sellout_adapters.testing.scene import PASSWORD
from sellout_core.errors import (
    BadCredentials,
    Fault,
    FieldCode,
    InvalidField,
    InvalidFields,
    NotFound,
    Unauthenticated,
    UsernameTaken,
)
from sellout_core.people.accounts import OPERATOR, Actor, Registration
from sellout_core.shop import Policy
from sellout_core.use_cases.people.passwords import set_password
from sellout_core.use_cases.people.registration import create_admin, register
from sellout_core.use_cases.people.sessions import authenticate, log_in, read_token
from sellout_core.use_cases.people.users import read_profile
from sellout_core.use_cases.shopping.carts import read_cart
from sellout_core.use_cases.shopping.wishlists import read_wishlist
from sellout_core.values import UserId
from tests.unit.shop_scene import Scene


def test_registering_makes_a_user_with_an_empty_cart_and_wishlist_and_logs_them_in(scene: Scene) -> None:
    pair = register(scene.shop, Registration("anna", PASSWORD, "Анна", "Кузнецова", "female"))
    actor = authenticate(scene.shop, read_token(scene.shop, pair.access, "access"))
    assert actor == Actor(UserId(1))
    view = read_profile(scene.shop, actor, UserId(1))
    assert view.user.first_name == "Анна"
    assert view.user.joined_at == scene.clock.now
    assert view.user.last_login is None
    assert view.gender is not None
    assert (view.gender.id, view.gender.name) == (2, "F")
    assert read_cart(scene.shop, actor, UserId(1)).units == ()
    assert read_wishlist(scene.shop, actor, UserId(1)) == ()


@pytest.mark.parametrize("username", ["anna", "ANNA", "Anna"])
def test_a_username_is_given_once_whatever_its_case(scene: Scene, username: str) -> None:
    scene.user("anna")
    with pytest.raises(UsernameTaken):
        register(scene.shop, Registration(username, PASSWORD))
    assert len(scene.store.read(lambda tx: tx.users.after(0, 1_000))) == 1


@pytest.mark.parametrize(("length", "minimum"), [(7, 8), (5, 6), (0, 1)])
def test_a_password_shorter_than_the_policy_is_refused(length: int, minimum: int) -> None:
    scene = Scene(Policy(min_password_length=minimum))
    with pytest.raises(InvalidFields) as refusal:
        register(scene.shop, Registration("anna", "ё" * length))
    assert [field.name for field in refusal.value.fields] == ["password"]
    assert str(minimum) in refusal.value.fields[0].reason
    with pytest.raises(InvalidFields):
        create_admin(scene.shop, OPERATOR, Registration("anna", "ё" * length))
    assert scene.store.read(lambda tx: tx.users.after(0, 1_000)) == []


@pytest.mark.parametrize("minimum", [6, 8])
def test_a_password_as_long_as_the_policy_is_let_through(minimum: int) -> None:
    scene = Scene(Policy(min_password_length=minimum))
    register(scene.shop, Registration("anna", "ё" * minimum))
    assert log_in(scene.shop, "anna", "ё" * minimum)


def test_the_default_policy_is_the_contracts() -> None:
    """The defaults are in docs/http-contract.md: #register has the password, #tokens the lifetimes, #checkout-8 the
    idempotency keys, and #checkout-5 the time zone.
    """
    policy = Policy()
    assert policy.min_password_length == 8
    assert (policy.access_lifetime, policy.refresh_lifetime) == (timedelta(days=1), timedelta(days=7))
    assert (policy.idempotency_key_lifetime, policy.time_zone) == (timedelta(hours=24), UTC)
    assert policy.guest_cart_lifetime == timedelta(days=30)


def test_a_password_is_stored_as_a_hash_alone(scene: Scene) -> None:
    scene.user("anna")
    credentials = scene.store.read(lambda tx: tx.credentials.by_username("anna"))
    assert credentials is not None
    assert PASSWORD not in credentials.password_hash
    assert PASSWORD not in repr(scene.user_now(UserId(1)))


def test_the_operator_creates_an_admin_with_a_cart_but_no_session(scene: Scene) -> None:
    admin = create_admin(scene.shop, OPERATOR, Registration("root", PASSWORD, email="root@mail.ru"))
    assert (admin.is_staff, admin.is_superuser, admin.is_active, admin.email) == (True, True, True, "root@mail.ru")
    assert admin.joined_at == scene.clock.now
    assert scene.in_cart(admin.id) == ()
    pair = log_in(scene.shop, "root", PASSWORD)
    assert authenticate(scene.shop, read_token(scene.shop, pair.access, "access")).is_staff


def test_an_admin_cannot_take_a_username(scene: Scene) -> None:
    scene.user("root")
    with pytest.raises(UsernameTaken):
        create_admin(scene.shop, OPERATOR, Registration("ROOT", PASSWORD))


def test_the_operator_sets_a_password_without_the_old_one(scene: Scene) -> None:
    anna, boris = scene.user("anna"), scene.user("boris")
    ended, lives = log_in(scene.shop, "anna", PASSWORD), log_in(scene.shop, "boris", PASSWORD)
    assert set_password(scene.shop, OPERATOR, "ANNA", "another password").id == anna
    with pytest.raises(BadCredentials):
        log_in(scene.shop, "anna", PASSWORD)
    assert log_in(scene.shop, "anna", "another password")
    with pytest.raises(Unauthenticated):
        authenticate(scene.shop, read_token(scene.shop, ended.access, "access"))
    assert authenticate(scene.shop, read_token(scene.shop, lives.access, "access")) == Actor(boris)


@pytest.mark.parametrize(
    ("password", "reason", "code"),
    [
        ("short", "must be at least 8 characters long", FieldCode.TOO_SHORT),
        ("a" * 129, "must be at most 128 characters long", FieldCode.TOO_LONG),
        ("a lone \ud800 surrogate", "must not contain lone surrogates", FieldCode.CHARACTER_NOT_ALLOWED),
    ],
)
def test_a_password_out_of_its_limits_is_not_set(scene: Scene, password: str, reason: str, code: FieldCode) -> None:
    scene.user("anna")
    with pytest.raises(InvalidFields) as refusal:
        set_password(scene.shop, OPERATOR, "anna", password)
    assert refusal.value.fields == (InvalidField("password", reason, code),)
    assert log_in(scene.shop, "anna", PASSWORD)


def test_the_password_of_an_unknown_user_is_not_set(scene: Scene) -> None:
    with pytest.raises(NotFound):
        set_password(scene.shop, OPERATOR, "anna", PASSWORD)


def test_a_username_is_held_to_the_shops_own_rule(scene: Scene) -> None:
    fault = Fault("must not be boss", FieldCode.NOT_ONE_OF)
    shop = attrs.evolve(scene.shop, username_rule=lambda username: fault if username == "boss" else None)
    for use_case in (register, partial(create_admin, actor=OPERATOR)):
        with pytest.raises(InvalidFields) as caught:
            use_case(shop, registration=Registration("boss", PASSWORD))
        assert caught.value.fields == (InvalidField("username", fault.reason, fault.code),)
    register(shop, Registration("anna", PASSWORD))
    assert [user.username for user in scene.store.read(lambda tx: tx.users.after(0, 9))] == ["anna"]
