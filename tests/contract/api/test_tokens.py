"""Tokens and sessions on every store: claims, lifetime, and revocation."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import attrs
import httpx2
import jwt
import pytest
from sqlalchemy import select

from sellout_adapters.sql.schema.tables.shop import sessions, users
from sellout_adapters.testing.scene import HeldClock
from sellout_core.people.accounts import Registration
from sellout_core.use_cases.people.registration import register
from tests.contract.conftest import PERSISTENT, sqlite_store
from tests.contract.support.buyer import change_user
from tests.contract.support.secrecy import KEY
from tests.contract.support.shop import CUSTOMER_ID, PASSWORDS, Served, demo_shop, problem_of, serving_shop, shop_over

pytestmark = pytest.mark.http

DAY = 24 * 60 * 60
CUSTOMER = {"username": "noadmin", "password": PASSWORDS["noadmin"]}


@pytest.fixture
def client(timed: Served) -> httpx2.Client:
    """A client of the demo shop with a clock that the test sets."""
    return timed.client


def bearer(pair: dict[str, str]) -> dict[str, str]:
    return {"Authorization": f"Bearer {pair['access']}"}


def registered(client: httpx2.Client, **body: Any) -> dict[str, str]:
    response = client.post("/user/register", json={"password": "secret", **body})
    assert response.status_code == 201, response.text
    return pair_of(response)


def logged_in(client: httpx2.Client, **body: str) -> dict[str, str]:
    response = client.post("/user/login", json={**CUSTOMER, **body})
    assert response.status_code == 200, response.text
    return pair_of(response)


def pair_of(response: httpx2.Response) -> dict[str, str]:
    pair: dict[str, str] = response.json()
    assert list(pair) == ["refresh", "access"]
    return pair


def refresh(client: httpx2.Client, pair: dict[str, str]) -> httpx2.Response:
    return client.post("/user/token/refresh/", json={"refresh": pair["refresh"]})


def is_good(client: httpx2.Client, token: str) -> bool:
    """Whether the shop accepts a token. Asserts that `verify` and, for an access token, another operation agree."""
    response = client.post("/user/token/verify/", json={"token": token})
    good = response.status_code == 200
    if good:
        assert response.json() == {}
    else:
        problem_of(response, 401, "unauthenticated")
        assert response.headers["www-authenticate"] == "Bearer"
    if claims(token)["token_type"] == "access":
        orders = client.get("/order/user_orders", headers={"Authorization": f"Bearer {token}"})
        assert orders.status_code == (200 if good else 401)
    return good


def claims(token: str) -> dict[str, Any]:
    """The claims of a token with a valid signature."""
    options: Any = {"verify_exp": False, "verify_iat": False}
    decoded: dict[str, Any] = jwt.decode(token, KEY, algorithms=["HS256"], options=options)
    return decoded


def document_of(client: httpx2.Client, pair: dict[str, str]) -> dict[str, Any]:
    """The document of the pair's user."""
    user_id = claims(pair["access"])["user_id"]
    response = client.get(f"/user_info/{user_id}", headers=bearer(pair))
    assert response.status_code == 200, response.text
    document: dict[str, Any] = response.json()
    return document


def test_tokens_say_what_is_documented(client: httpx2.Client, clock: HeldClock) -> None:
    """A token has five claims. An access token is valid for one day, a refresh token for seven."""
    issued = int(clock.now.timestamp())
    first = registered(client, username="anna")
    for pair in (first, refresh(client, first).json(), logged_in(client, username="anna", password="secret")):
        for token_type, days in (("access", 1), ("refresh", 7)):
            token = pair[token_type]
            assert jwt.get_unverified_header(token) == {"alg": "HS256", "typ": "JWT"}
            said = claims(token)
            assert set(said) == {"token_type", "exp", "iat", "jti", "user_id"}
            assert (said["token_type"], said["user_id"]) == (token_type, 3)
            assert (said["iat"], said["exp"]) == (issued, issued + days * DAY)
            assert isinstance(said["jti"], str)
    assert len({claims(token)["jti"] for token in (*first.values(), *logged_in(client).values())}) == 4


def test_tokens_are_good_until_their_last_second(client: httpx2.Client, clock: HeldClock) -> None:
    """A token is invalid from the second in `exp`. A refresh before that keeps the session."""
    pair = logged_in(client)
    clock.now = datetime.fromtimestamp(claims(pair["access"])["exp"] - 1, UTC)
    assert is_good(client, pair["access"])
    clock.advance(seconds=1)
    assert not is_good(client, pair["access"])
    clock.now = datetime.fromtimestamp(claims(pair["refresh"])["exp"] - 1, UTC)
    assert is_good(client, pair["refresh"])
    fresh = refresh(client, pair).json()
    clock.advance(seconds=1)
    assert is_good(client, fresh["access"])
    clock.now = datetime.fromtimestamp(claims(fresh["refresh"])["exp"], UTC)
    problem_of(refresh(client, fresh), 401, "unauthenticated")
    assert not is_good(client, fresh["refresh"])


def test_a_refresh_token_is_exchanged_once(client: httpx2.Client) -> None:
    """The new pair and the old access token are valid. The old refresh token is not."""
    first = logged_in(client)
    response = refresh(client, first)
    assert response.status_code == 200
    second = pair_of(response)
    assert set(first.values()).isdisjoint(second.values())
    assert is_good(client, second["access"])
    assert is_good(client, second["refresh"])
    assert is_good(client, first["access"])
    assert not is_good(client, first["refresh"])
    assert refresh(client, second).status_code == 200


def test_a_refresh_token_used_twice_ends_its_family(client: httpx2.Client) -> None:
    """All tokens of the session become invalid. Other sessions of the user stay valid."""
    other = logged_in(client)
    first = logged_in(client)
    second = refresh(client, first).json()
    third = refresh(client, second).json()
    problem_of(refresh(client, first), 401, "unauthenticated")
    for pair in (first, second, third):
        assert not is_good(client, pair["access"])
        assert not is_good(client, pair["refresh"])
        assert refresh(client, pair).status_code == 401
    assert is_good(client, other["access"])
    assert refresh(client, other).status_code == 200


def test_only_refresh_tokens_are_exchanged(client: httpx2.Client) -> None:
    """Any other token gets the same 401 and does not end the session."""
    pair = logged_in(client)
    header, payload, signature = pair["refresh"].split(".")
    for token in (pair["access"], "x", f"{header}.{payload}.", f"{header}.{payload}.{signature[::-1]}"):
        response = refresh(client, {"refresh": token})
        problem_of(response, 401, "unauthenticated")
        assert response.headers["www-authenticate"] == "Bearer"
    assert refresh(client, pair).status_code == 200


def test_verifying_says_only_yes_or_no(client: httpx2.Client) -> None:
    """Access and refresh tokens can be verified any number of times."""
    pair = logged_in(client)
    for token in (*pair.values(), *pair.values()):
        assert is_good(client, token)
    for token in ("x", pair["access"][:-4], jwt.encode(claims(pair["access"]), "another key" * 4, "HS256")):
        problem_of(client.post("/user/token/verify", json={"token": token}), 401, "unauthenticated")


def test_logging_out_ends_one_session(client: httpx2.Client) -> None:
    """Its tokens become invalid. Other sessions of the user and of other users stay valid."""
    mine, elsewhere, another = logged_in(client), logged_in(client), logged_in(client, username="artem")
    response = client.post("/user/logout", headers=bearer(mine))
    assert (response.status_code, response.json()) == (200, {})
    assert not is_good(client, mine["access"])
    assert not is_good(client, mine["refresh"])
    assert refresh(client, mine).status_code == 401
    problem_of(client.post("/user/logout", headers=bearer(mine)), 401, "unauthenticated")
    for pair in (elsewhere, another):
        assert is_good(client, pair["access"])
        assert refresh(client, pair).status_code == 200


def test_registering_gives_a_working_pair(client: httpx2.Client) -> None:
    """The new user has an empty cart and wishlist, no orders and no addresses."""
    pair = registered(client, username="anna", first_name="Анна", last_name="Юдина")
    assert is_good(client, pair["access"])
    assert is_good(client, pair["refresh"])
    for path in ("/wishlist/3", "/order/user_orders/3", "/user/address/3", "/user/last_seen/3"):
        response = client.get(path, headers=bearer(pair))
        assert (response.status_code, response.json()) == (200, []), path
    cart = client.get("/order/cart/3", headers=bearer(pair)).json()
    assert (cart["product_units"], cart["user"]["id"]) == ([], 3)
    assert refresh(client, pair).status_code == 200


def test_a_new_user_has_no_rights(client: httpx2.Client, clock: HeldClock) -> None:
    """The document of a user who sent the required members alone."""
    document = document_of(client, registered(client, username="anna"))
    assert document == {
        "id": 3,
        "last_login": None,
        "is_superuser": False,
        "username": "anna",
        "first_name": "",
        "last_name": "",
        "email": "",
        "is_staff": False,
        "is_active": True,
        "date_joined": clock.now.isoformat().replace("+00:00", "Z"),
        "all_purchase_amount": 0,
        "personal_discount_percentage": 0,
        "referral_link": None,
        "preferred_size_grid": None,
        "gender": None,
        "ref_user": None,
        "groups": [],
        "user_permissions": [],
        "my_groups": [],
        "address": [],
        "last_viewed_products": [],
    }


def test_logging_in_sets_last_login(client: httpx2.Client, clock: HeldClock) -> None:
    """`last_login` is the time of the log-in. A failed log-in and a refresh do not change it."""
    assert document_of(client, logged_in(client))["last_login"] == "2026-03-01T12:00:00.250000Z"
    clock.advance(hours=1, milliseconds=-250)
    pair = logged_in(client)
    clock.advance(hours=1)
    client.post("/user/login", json={**CUSTOMER, "password": "wrong"})
    pair = refresh(client, pair).json()
    assert document_of(client, pair)["last_login"] == "2026-03-01T13:00:00Z"


def test_a_failed_log_in_does_not_say_why(timed: Served) -> None:
    """An unknown user, a wrong password and a deactivated user get the same response."""
    client = timed.client
    registered(client, username="gone")
    change_user(timed.shop, 3, is_active=False)
    answers = [
        client.post("/user/login", json={"username": username, "password": password})
        for username, password in (
            ("unknown", "secret"),
            ("noadmin", "wrong"),
            ("noadmin", ""),
            ("", ""),
            ("noadmin", PASSWORDS["noadmin"].upper()),
            ("noadmin ", PASSWORDS["noadmin"]),
            ("gone", "secret"),
            ("gone", "wrong"),
        )
    ]
    for answer in answers:
        problem_of(answer, 401, "bad_credentials")
        assert answer.headers["www-authenticate"] == "Bearer"
    assert len({answer.content for answer in answers}) == 1


def test_a_deactivated_user_is_unauthenticated(timed: Served) -> None:
    """The user's tokens are refused, and valid again after reactivation."""
    pair = logged_in(timed.client)
    change_user(timed.shop, CUSTOMER_ID, is_active=False)
    assert not is_good(timed.client, pair["access"])
    assert not is_good(timed.client, pair["refresh"])
    assert refresh(timed.client, pair).status_code == 401
    change_user(timed.shop, CUSTOMER_ID, is_active=True)
    assert is_good(timed.client, pair["access"])
    assert refresh(timed.client, pair).status_code == 200


def test_usernames_differ_by_more_than_case(client: httpx2.Client) -> None:
    """A username is taken in every spelling of its case, and logs in with every one. It is shown as it was
    registered.
    """
    spellings = {
        "noadmin": ["NoAdmin"],
        "Anna": ["anna", "ANNA", "Anna"],
        "Юля": ["юля", "ЮЛЯ"],
        "straße": ["STRASSE", "Straße"],
        "zo\u00e9": ["ZOE\u0301", "zoe\u0301"],
    }
    for taken, others in spellings.items():
        if taken != "noadmin":
            assert document_of(client, registered(client, username=taken))["username"] == taken
        password = PASSWORDS.get(taken, "secret")
        for other in others:
            response = client.post("/user/register", json={"username": other, "password": "secret"})
            problem_of(response, 409, "username_taken")
            assert document_of(client, logged_in(client, username=other, password=password))["username"] == taken
    users = client.get("/user", headers=bearer(logged_in(client, username="artem"))).json()
    assert [user["username"] for user in users] == ["artem", *spellings]


def test_users_with_older_usernames_go_on(timed: Served) -> None:
    username = "\N{CYRILLIC SMALL LETTER A}rtem the first"
    register(attrs.evolve(timed.shop, username_rule=lambda _: None), Registration(username, "secret"))
    pair = logged_in(timed.client, username=username, password="secret")
    body = {"old_password": "secret", "new_password": "secret too"}
    user_id = jwt.decode(pair["access"], options={"verify_signature": False})["user_id"]
    response = timed.client.post(f"/user/change_password/{user_id}", json=body, headers=bearer(pair))
    assert response.status_code == 200, response.text
    logged_in(timed.client, username=username, password="secret too")


def test_a_username_that_is_an_email_address_becomes_it(client: httpx2.Client) -> None:
    """The email is exactly the username. For other usernames it is empty."""
    addresses = ("anna@mail.ru", "Anna.K+shop@Mail.example.RU", "анна@почта.рф")
    others = ("anna", "anna@", "anna@mail", "@mail.ru", "anna@mail..ru")
    for username in (*addresses, *others):
        document = document_of(client, registered(client, username=username))
        assert document["username"] == username
        assert document["email"] == (username if username in addresses else "")


def test_a_gender_is_shown_as_a_document(client: httpx2.Client) -> None:
    """A client sends it as a word."""
    bodies: list[dict[str, Any]] = [{"gender": "male"}, {"gender": "female"}, {"gender": None}, {}]
    shown = [
        document_of(client, registered(client, username=f"anna{number}", **body))["gender"]
        for number, body in enumerate(bodies)
    ]
    assert shown == [{"id": 1, "name": "M"}, {"id": 2, "name": "F"}, None, None]


def test_a_password_of_any_script_is_the_same_on_every_keyboard(client: httpx2.Client) -> None:
    """Composed and decomposed text are the same password. A different case is a different password."""
    registered(client, username="zoe", password="пар\u043e\u0439ль")
    logged_in(client, username="zoe", password="пар\u043e\u0438\u0306ль")
    response = client.post("/user/login", json={"username": "zoe", "password": "ПАРОЙЛЬ"})
    problem_of(response, 401, "bad_credentials")


def test_sessions_outlive_a_restart(tmp_path: Path) -> None:
    """With the same key and database, valid tokens stay valid, and revoked ones stay revoked."""
    clock = HeldClock()
    with sqlite_store(tmp_path) as store, serving_shop(demo_shop(store, clock)) as before:
        kept, refreshed, ended = (logged_in(before.client) for _ in range(3))
        fresh = refresh(before.client, refreshed).json()
        before.client.post("/user/logout", headers=bearer(ended))
    with sqlite_store(tmp_path) as store, serving_shop(shop_over(store, clock)) as after:
        assert is_good(after.client, kept["access"])
        assert refresh(after.client, kept).status_code == 200
        assert is_good(after.client, fresh["access"])
        assert is_good(after.client, fresh["refresh"])
        assert not is_good(after.client, ended["access"])
        assert refresh(after.client, refreshed).status_code == 401
        assert not is_good(after.client, fresh["access"])


def change_password(client: httpx2.Client, pair: dict[str, str], old: str, new: str) -> httpx2.Response:
    body = {"old_password": old, "new_password": new}
    return client.post(f"/user/change_password/{CUSTOMER_ID}", json=body, headers=bearer(pair))


def test_a_password_change_ends_every_session_of_its_user(client: httpx2.Client) -> None:
    """All tokens of the user become invalid, those of the request included. Other users' sessions stay valid."""
    mine = [logged_in(client) for _ in range(3)]
    other = logged_in(client, username="artem")
    old, new = CUSTOMER["password"], "a better password"
    problem_of(change_password(client, mine[0], "wrong", new), 422, "wrong_password")
    document = problem_of(change_password(client, mine[0], old, "short"), 422, "invalid_fields")
    assert [field["pointer"] for field in document["fields"]] == ["#/new_password"]
    assert all(is_good(client, pair["access"]) for pair in mine)
    done = change_password(client, mine[0], old, new)
    assert (done.status_code, done.json()) == (200, {})
    for pair in mine:
        assert not is_good(client, pair["access"])
        assert not is_good(client, pair["refresh"])
        assert refresh(client, pair).status_code == 401
        assert client.get(f"/order/cart/{CUSTOMER_ID}", headers=bearer(pair)).status_code == 401
    assert is_good(client, other["access"])
    assert refresh(client, other).status_code == 200
    problem_of(client.post("/user/login", json=CUSTOMER), 401, "bad_credentials")
    assert is_good(client, logged_in(client, password=new)["access"])


@pytest.mark.parametrize("kind", PERSISTENT)
def test_what_is_revoked_is_revoked_in_every_process_and_stays_so(tmp_path: Path, kind: str) -> None:
    """A second process on the same database refuses the token on the next request."""
    clock = HeldClock()
    with (
        PERSISTENT[kind](tmp_path) as store,
        PERSISTENT[kind](tmp_path) as its_own,
        serving_shop(demo_shop(store, clock)) as one,
        serving_shop(shop_over(its_own, clock)) as other,
    ):
        ended, changed, used = (logged_in(one.client) for _ in range(3))
        fresh = refresh(one.client, used).json()
        assert all(is_good(other.client, pair["access"]) for pair in (ended, changed, fresh))
        one.client.post("/user/logout", headers=bearer(ended))
        assert not is_good(other.client, ended["access"])
        assert refresh(other.client, used).status_code == 401
        assert not is_good(one.client, fresh["access"])
        assert change_password(one.client, changed, CUSTOMER["password"], "a better password").status_code == 200
        assert not is_good(other.client, changed["access"])
    with PERSISTENT[kind](tmp_path) as store, serving_shop(shop_over(store, clock)) as after:
        for pair in (ended, changed, used, fresh):
            assert not is_good(after.client, pair["access"])
            assert refresh(after.client, pair).status_code == 401


@pytest.mark.parametrize("kind", PERSISTENT)
def test_nothing_that_is_stored_opens_the_shop(tmp_path: Path, kind: str) -> None:
    """The database holds no password and no token, and no value to derive one from."""
    with PERSISTENT[kind](tmp_path) as store, serving_shop(demo_shop(store)) as served:
        pair = logged_in(served.client)
        with store.engine.connect() as connection:
            stored = repr([connection.execute(select(table)).all() for table in (users, sessions)])
        for token in pair.values():
            jti = jwt.decode(token, options={"verify_signature": False})["jti"]
            assert token not in stored
            assert jti not in stored
        assert CUSTOMER["password"] not in stored
        assert KEY not in stored
        assert stored.count("$argon2id$") == 2
