"""E-mail addresses and forgotten passwords over HTTP, on every store."""

from collections.abc import Iterator
from typing import Any

import attrs
import httpx2
import pytest

from sellout_adapters import demo
from sellout_adapters.testing.mailbox import deliver
from sellout_adapters.testing.scene import HeldClock
from sellout_core.mail import Letter
from sellout_core.ports.store import Store
from sellout_core.shop import Shop
from sellout_core.values import UserId
from sellout_http.api.languages import preferred_language
from sellout_http.api.rate_limits import Limits
from tests.contract.support.mailed import resetting_token, verifying_token
from tests.contract.support.shop import CUSTOMER_ID, Served, demo_shop, everything_in, log_in, problem_of, serving_shop

pytestmark = pytest.mark.http

CUSTOMER = UserId(CUSTOMER_ID)
EMAIL = f"/user/email/{CUSTOMER_ID}"
FRESH = "a better password"


@pytest.fixture
def clock() -> HeldClock:
    return HeldClock()


@pytest.fixture
def shop(store: Store, clock: HeldClock) -> Iterator[Served]:
    """The demo shop with a clock that the test sets."""
    with serving_shop(demo_shop(store, clock)) as served:
        yield served


def post(shop: Served, path: str, body: dict[str, Any], **headers: str) -> httpx2.Response:
    return shop.client.post(path, json=body, headers=headers)


def identity_of(shop: Shop) -> object:
    """What a refused request must not change."""
    return everything_in(shop), shop.store.read(
        lambda tx: [
            (tx.emails.of(UserId(n)), tx.credentials.of(UserId(n)), len(tx.sessions.of(UserId(n)))) for n in (1, 2)
        ]
    )


def require_unchanged_refusal(shop: Served, path: str, body: dict[str, Any], status: int, code: str) -> dict[str, Any]:
    """Asserts that a request is refused and changes nothing, and that no mail follows."""
    before = identity_of(shop.shop)
    problem = problem_of(post(shop, path, body), status, code)
    assert identity_of(shop.shop) == before
    assert deliver(shop.shop) == []
    return problem


def test_a_customer_verifies_an_address_changes_it_and_resets_the_password(shop: Served) -> None:
    me = log_in(shop.client, demo.CUSTOMER)
    assert shop.client.get(EMAIL, headers=me).json() == {"address": None, "pending": None, "language": "en"}
    change = {"email": "anna@shop.example", "password": demo.PASSWORD}
    asked = shop.client.post(EMAIL, json=change, headers={**me, "Accept-Language": "ru"})
    assert (asked.status_code, asked.json()) == (202, {})
    pending = {"address": None, "pending": "anna@shop.example", "language": "en"}
    assert shop.client.get(EMAIL, headers=me).json() == pending
    (letter,) = deliver(shop.shop)
    assert (letter.recipient, letter.mail.language) == ("anna@shop.example", "ru")
    token = {"token": letter.parameters["token"]}
    verified = shop.client.post("/user/email/verify", json=token, headers={"Accept-Language": "ru"})
    assert (verified.status_code, verified.json()) == (200, {})
    now = {"address": "anna@shop.example", "pending": None, "language": "ru"}
    assert shop.client.get(EMAIL, headers=me).json() == now
    assert shop.client.get("/user_info", headers=me).json()["email"] == "anna@shop.example"

    shop.client.post(EMAIL, json={**change, "email": "new@shop.example"}, headers=me)
    (letter,) = deliver(shop.shop)
    post(shop, "/user/email/verify", {"token": letter.parameters["token"]})
    assert [letter.recipient for letter in deliver(shop.shop)] == ["anna@shop.example", "new@shop.example"]

    assert post(shop, "/user/password/forgot", {"email": "new@shop.example"}).status_code == 202
    (letter,) = deliver(shop.shop)
    reset = {"token": letter.parameters["token"], "new_password": FRESH}
    assert post(shop, "/user/password/reset", reset).json() == {}
    problem_of(shop.client.get("/user_info", headers=me), 401, "unauthenticated")
    old = {"username": demo.CUSTOMER, "password": demo.PASSWORD}
    problem_of(post(shop, "/user/login", old), 401, "bad_credentials")
    assert post(shop, "/user/login", {**old, "password": FRESH}).status_code == 200
    assert [letter.recipient for letter in deliver(shop.shop)] == ["new@shop.example"]


def test_no_response_tells_whether_an_account_exists(shop: Served) -> None:
    """The account is looked up later: the request sends the same statements for every address."""
    resetting_token(shop.shop, CUSTOMER, demo.PASSWORD)
    answers = [
        post(shop, "/user/password/forgot", {"email": email})
        for email in ("user2@shop.example", "unknown@shop.example")
    ]
    assert [(answer.status_code, answer.content) for answer in answers] == [(202, b"{}")] * 2
    names = {"date", "x-request-id", "connection"}
    one, other = ({k: v for k, v in answer.headers.items() if k not in names} for answer in answers)
    assert one == other
    assert [letter.recipient for letter in deliver(shop.shop)] == ["user2@shop.example"]


def test_a_used_an_expired_and_a_foreign_token_are_a_422(shop: Served, clock: HeldClock) -> None:
    resetting = resetting_token(shop.shop, CUSTOMER, demo.PASSWORD)
    verifying = verifying_token(shop.shop, CUSTOMER, demo.PASSWORD)
    reset, verify = "/user/password/reset", "/user/email/verify"

    def with_token(token: str) -> dict[str, str]:
        return {"token": token, "new_password": FRESH}

    for token in ("x", "0" * 32, verifying):
        require_unchanged_refusal(shop, reset, with_token(token), 422, "token_unusable")
    for token in ("x", "0" * 32, resetting):
        require_unchanged_refusal(shop, verify, {"token": token}, 422, "token_unusable")
    clock.advance(hours=1)
    require_unchanged_refusal(shop, reset, with_token(resetting), 422, "token_unusable")
    require_unchanged_refusal(shop, verify, {"token": verifying}, 422, "token_unusable")
    token = resetting_token(shop.shop, CUSTOMER, demo.PASSWORD)
    assert post(shop, reset, with_token(token)).status_code == 200
    deliver(shop.shop)
    require_unchanged_refusal(shop, reset, with_token(token), 422, "token_unusable")


def test_an_address_that_another_account_verified_is_a_409(shop: Served) -> None:
    me = log_in(shop.client, demo.CUSTOMER)
    change = {"email": "user1@shop.example", "password": demo.PASSWORD}
    assert shop.client.post(EMAIL, json=change, headers=me).status_code == 202
    (mine,) = deliver(shop.shop)
    resetting_token(shop.shop, UserId(1), demo.PASSWORD)
    require_unchanged_refusal(shop, "/user/email/verify", {"token": mine.parameters["token"]}, 409, "email_taken")
    asked = shop.client.post(EMAIL, json=change, headers=me)
    assert (asked.status_code, asked.json()) == (202, {})


def test_a_wrong_password_changes_no_address(shop: Served) -> None:
    me = log_in(shop.client, demo.CUSTOMER)
    before = identity_of(shop.shop)
    wrong = {"email": "anna@shop.example", "password": "wrong"}
    problem_of(shop.client.post(EMAIL, json=wrong, headers=me), 422, "wrong_password")
    assert identity_of(shop.shop) == before
    assert deliver(shop.shop) == []


def test_without_mail_the_front_end_is_told(store: Store) -> None:
    made = demo_shop(store)
    with serving_shop(attrs.evolve(made, policy=attrs.evolve(made.policy, sends_mail=False))) as shop:
        me = log_in(shop.client, demo.CUSTOMER)
        change = {"email": "anna@shop.example", "password": demo.PASSWORD}
        problem_of(shop.client.post(EMAIL, json=change, headers=me), 409, "mail_disabled")
        require_unchanged_refusal(shop, "/user/password/forgot", {"email": "anna@shop.example"}, 409, "mail_disabled")


def test_mails_are_limited_by_network_by_address_and_by_account(store: Store, clock: HeldClock) -> None:
    limits = Limits(mails_per_address=6, mails_per_account=2)
    with serving_shop(demo_shop(store, clock), limits=limits) as shop:
        me = log_in(shop.client, demo.CUSTOMER)

        def forget(email: str) -> int:
            return post(shop, "/user/password/forgot", {"email": email}).status_code

        assert [forget("a@shop.example"), forget("A@shop.example"), forget("a@SHOP.example")] == [202, 202, 429]
        change = {"email": "anna@shop.example", "password": demo.PASSWORD}
        changes = [shop.client.post(EMAIL, json=change, headers=me) for _ in range(3)]
        assert [answer.status_code for answer in changes] == [202, 202, 429]
        assert forget("b@shop.example") == 429
        clock.advance(hours=1)
        assert forget("a@shop.example") == 202


@pytest.mark.parametrize(
    ("sent", "language"),
    [
        ([], "en"),
        (["ru"], "ru"),
        (["ru-RU,ru;q=0.9,en;q=0.8"], "ru"),
        (["en-US,en;q=0.9,ru;q=0.8"], "en"),
        (["en;q=0.1, RU ; q=0.2"], "ru"),
        (["de, fr;q=0.9"], "en"),
        (["de, ru;q=0.1"], "ru"),
        (["de", "ru;q=0.1"], "ru"),
        (["ru;q=0"], "en"),
        (["ru;q=2, rub, *, ,;;,=, ru;q=, ru;x=1"], "en"),
        (["de," * 30 + "ru"], "en"),
        (["\x00\xff"], "en"),
    ],
)
def test_the_language_of_a_mail(sent: list[str], language: str) -> None:
    assert preferred_language(sent) == language


def test_a_letter_shows_no_secret_when_it_is_printed(shop: Served) -> None:
    """A traceback or a log line may print it."""
    token = verifying_token(shop.shop, CUSTOMER, demo.PASSWORD)
    shop.client.post(
        EMAIL,
        json={"email": "anna@shop.example", "password": demo.PASSWORD},
        headers=log_in(shop.client, demo.CUSTOMER),
    )
    letters: list[Letter] = list(deliver(shop.shop))
    assert letters
    assert "@" not in repr(letters)
    assert token not in repr(letters)
    assert letters[0].parameters["token"] not in repr(letters)
