"""Second factors over HTTP: enrolment, log-in, refusals, limits, and what staff need."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import attrs
import httpx2
import pytest

from sellout_adapters import demo
from sellout_adapters.testing.credentials import code_at
from sellout_adapters.testing.laws.races import racing
from sellout_adapters.testing.mailbox import deliver
from sellout_adapters.testing.scene import HeldClock
from sellout_core.ports.store import Store
from sellout_core.values import UserId
from sellout_http.api.rate_limits import Limits
from sellout_http.server.composition import issuer_of
from sellout_http.settings.model import read_settings
from tests.contract.support.buyer import change_user
from tests.contract.support.mailed import resetting_token
from tests.contract.support.second_factors import set_up
from tests.contract.support.secrecy import found_in_log, require_no_secrets
from tests.contract.support.shop import (
    CUSTOMER_ID,
    STAFF_ID,
    Served,
    demo_shop,
    everything_in,
    log_in,
    problem_of,
    serving_shop,
)

pytestmark = pytest.mark.http

FACTOR = f"/user/second_factor/{CUSTOMER_ID}"
CONFIRM = f"/user/second_factor/confirm/{CUSTOMER_ID}"
RENEW = f"/user/second_factor/recovery_codes/{CUSTOMER_ID}"
OFF = f"/user/second_factor/off/{CUSTOMER_ID}"
FRESH = "a better password"
CREDENTIALS = {"username": demo.CUSTOMER, "password": demo.PASSWORD}
PASSWORD = {"password": demo.PASSWORD}


@attrs.frozen
class Enrolled:
    """The customer, who has a second factor. The code of the next time step is not used."""

    shop: Served
    clock: HeldClock
    headers: dict[str, str]
    secret: str
    codes: list[str]

    def code(self) -> str:
        """The code of now."""
        return code_at(self.secret, self.clock.now)

    def wrong_code(self) -> str:
        """A well-formed code that is not one of now."""
        good = {code_at(self.secret, self.clock.now + timedelta(seconds=drift)) for drift in (-30, 0, 30)}
        return next(code for code in ("000000", "111111", "222222", "333333") if code not in good)

    def next_code(self) -> str:
        """The code of the next time step, which begins."""
        self.clock.advance(seconds=30)
        return self.code()

    def enter(self, code: str | None = None, **other: Any) -> httpx2.Response:
        """Tries to log in."""
        return self.shop.client.post("/user/login", json={**CREDENTIALS, "code": code, **other})

    def post(self, path: str, body: dict[str, Any]) -> httpx2.Response:
        return self.shop.client.post(path, json=body, headers=self.headers)

    def state(self) -> object:
        """What a refused request must not change."""
        return everything_in(self.shop.shop), self.shop.shop.store.read(
            lambda tx: [
                (tx.second_factors.of(UserId(n)), len(tx.sessions.of(UserId(n)))) for n in (STAFF_ID, CUSTOMER_ID)
            ]
        )

    def refused(self, path: str, body: dict[str, Any], status: int, code: str) -> None:
        """Asserts that a request is refused and changes nothing, and that no mail follows."""
        before = self.state()
        problem_of(self.post(path, body), status, code)
        assert self.state() == before
        assert deliver(self.shop.shop) == []

    def refused_log_in(self, code: str | None, problem: str) -> httpx2.Response:
        """Asserts that a log-in is a 401 and changes nothing."""
        before = self.state()
        answer = self.enter(code)
        problem_of(answer, 401, problem)
        assert answer.headers["www-authenticate"] == "Bearer"
        assert self.state() == before
        return answer


@pytest.fixture
def shop(timed: Served) -> Served:
    return timed


@pytest.fixture
def enrolled(shop: Served, clock: HeldClock) -> Enrolled:
    return enrolled_in(shop, clock)


def enrolled_in(shop: Served, clock: HeldClock) -> Enrolled:
    headers = log_in(shop.client, demo.CUSTOMER)
    secret, codes = set_up(shop.client, shop.shop, UserId(CUSTOMER_ID), headers)
    clock.advance(seconds=30)
    return Enrolled(shop, clock, headers, secret, codes)


def status_of(shop: Served, headers: dict[str, str]) -> Any:
    return shop.client.get(FACTOR, headers=headers).json()


def test_a_customer_turns_a_second_factor_on_logs_in_and_turns_it_off(shop: Served, clock: HeldClock) -> None:
    me = log_in(shop.client, demo.CUSTOMER)
    off, on = ({"enabled": False, "recovery_codes_left": 0}, {"enabled": True, "recovery_codes_left": 10})
    assert status_of(shop, me) == off
    begun = shop.client.post(FACTOR, json=PASSWORD, headers=me)
    assert begun.headers["cache-control"] == "no-store"
    secret, uri = begun.json()["secret"], begun.json()["uri"]
    assert uri == f"otpauth://totp/SellOut:{demo.CUSTOMER}?secret={secret}&issuer=SellOut"
    assert status_of(shop, me) == off
    log_in(shop.client, demo.CUSTOMER)
    confirmed = shop.client.post(CONFIRM, json={"code": code_at(secret, clock.now)}, headers=me)
    codes = confirmed.json()["recovery_codes"]
    assert len(set(codes)) == 10
    assert status_of(shop, me) == on
    assert shop.client.get(f"/user/export/{CUSTOMER_ID}", headers=me).json()["second_factor_enabled"] is True

    held = Enrolled(shop, clock, me, secret, codes)
    held.refused_log_in(None, "second_factor_required")
    answer = held.enter(held.next_code())
    assert list(answer.json()) == ["refresh", "access"]
    assert held.enter(codes[0].lower()).status_code == 200
    assert status_of(shop, me) == {**on, "recovery_codes_left": 9}
    fresh = held.post(RENEW, {**PASSWORD, "code": held.next_code()}).json()["recovery_codes"]
    assert set(fresh).isdisjoint(codes)
    held.refused_log_in(codes[1], "bad_code")
    assert held.post(OFF, {**PASSWORD, "code": fresh[0]}).json() == {}
    assert status_of(shop, me) == off
    log_in(shop.client, demo.CUSTOMER)


def test_a_code_counts_once_and_only_that_of_the_user(enrolled: Enrolled) -> None:
    used = enrolled.code()
    assert enrolled.enter(used).status_code == 200
    enrolled.refused_log_in(used, "bad_code")
    assert enrolled.enter(enrolled.codes[0]).status_code == 200
    enrolled.refused_log_in(enrolled.codes[0], "bad_code")
    boss = log_in(enrolled.shop.client, demo.STAFF)
    _, others = set_up(enrolled.shop.client, enrolled.shop.shop, UserId(STAFF_ID), boss)
    enrolled.refused_log_in(others[0], "bad_code")


def test_a_wrong_password_is_answered_as_for_everyone(enrolled: Enrolled) -> None:
    """The response does not tell that there is a second factor, whether the code is right or not."""
    answers = [
        enrolled.enter(code, password="wrong", username=name)
        for name, code in (
            (demo.CUSTOMER, None),
            (demo.CUSTOMER, enrolled.code()),
            (demo.CUSTOMER, enrolled.codes[0]),
            (demo.STAFF, None),
            ("unknown", "000000"),
        )
    ]
    assert {answer.content for answer in answers} == {answers[0].content}
    problem_of(answers[0], 401, "bad_credentials")
    assert enrolled.enter(enrolled.code()).status_code == 200


MALFORMED = (
    *("", "12345", "123 456", " 123456", "123456\n", "12345\0", "\N{FULLWIDTH DIGIT ONE}23456", "1" * 10_240),
    *("ABCDEF-GHIJKL-MNOPQR-STUVW1", "\N{ARABIC-INDIC DIGIT ONE}" * 6),
)


def test_a_malformed_code_is_a_422_wherever_it_is_sent(enrolled: Enrolled) -> None:
    for code in MALFORMED:
        enrolled.refused("/user/login", {**CREDENTIALS, "code": code}, 422, "invalid_fields")
        enrolled.refused(CONFIRM, {"code": code}, 422, "invalid_fields")
        for path in (RENEW, OFF):
            enrolled.refused(path, {**PASSWORD, "code": code}, 422, "invalid_fields")


def test_changes_need_the_password_a_code_and_the_right_state(enrolled: Enrolled) -> None:
    good = {**PASSWORD, "code": enrolled.code()}
    enrolled.refused(FACTOR, PASSWORD, 409, "second_factor_on")
    enrolled.refused(CONFIRM, {"code": enrolled.code()}, 409, "second_factor_on")
    for path in (RENEW, OFF):
        enrolled.refused(path, {**good, "password": "wrong"}, 422, "wrong_password")
        enrolled.refused(path, {**good, "code": enrolled.wrong_code()}, 422, "wrong_code")
    enrolled.refused(FACTOR, {"password": "wrong"}, 422, "wrong_password")
    assert enrolled.post(OFF, good).status_code == 200
    enrolled.refused(CONFIRM, {"code": enrolled.next_code()}, 409, "second_factor_off")
    for path in (RENEW, OFF):
        enrolled.refused(path, {**PASSWORD, "code": enrolled.code()}, 409, "second_factor_off")
    assert enrolled.post(FACTOR, PASSWORD).status_code == 200
    enrolled.refused(CONFIRM, {"code": enrolled.next_code()}, 422, "wrong_code")


def test_a_link_for_a_new_password_keeps_the_second_factor(enrolled: Enrolled) -> None:
    token = resetting_token(enrolled.shop.shop, UserId(CUSTOMER_ID), demo.PASSWORD)
    reset = {"token": token, "new_password": FRESH}
    assert enrolled.shop.client.post("/user/password/reset", json=reset).json() == {}
    answer = enrolled.enter(password=FRESH)
    problem_of(answer, 401, "second_factor_required")
    assert enrolled.enter(enrolled.next_code(), password=FRESH).status_code == 200


def test_changes_are_told_to_the_verified_address(shop: Served, clock: HeldClock) -> None:
    resetting_token(shop.shop, UserId(CUSTOMER_ID), demo.PASSWORD)
    enrolled = enrolled_in(shop, clock)
    body = {**PASSWORD, "code": enrolled.code()}
    renewed = shop.client.post(RENEW, json=body, headers={**enrolled.headers, "Accept-Language": "ru"})
    assert renewed.status_code == 200
    told = deliver(shop.shop)
    assert [(letter.recipient, letter.mail.language, letter.parameters["change"]) for letter in told] == [
        (f"user{CUSTOMER_ID}@shop.example", "en", "on"),
        (f"user{CUSTOMER_ID}@shop.example", "ru", "recovery_codes"),
    ]


def test_a_superuser_resets_a_lost_second_factor(enrolled: Enrolled) -> None:
    client = enrolled.shop.client
    boss = log_in(client, demo.STAFF)
    change_user(enrolled.shop.shop, UserId(STAFF_ID), is_superuser=False)
    problem_of(client.delete(FACTOR, headers=boss), 403, "forbidden")
    change_user(enrolled.shop.shop, UserId(STAFF_ID), is_superuser=True)
    problem_of(client.delete(f"/user/second_factor/{STAFF_ID}", headers=boss), 403, "forbidden")
    assert client.delete(FACTOR, headers=boss).json() == {}
    problem_of(client.get(FACTOR, headers=enrolled.headers), 401, "unauthenticated")
    assert enrolled.enter().status_code == 200
    problem_of(client.delete(FACTOR, headers=boss), 409, "second_factor_off")
    (entry,) = client.get("/audit?kind=user", headers=boss).json()
    assert (entry["action"], entry["object_id"]) == ("reset_second_factor", CUSTOMER_ID)
    assert entry["changes"] == [{"field": "second_factor", "before": True, "after": False}]


def test_ten_refused_codes_a_day(store: Store, clock: HeldClock) -> None:
    """Wrong passwords and right codes do not count. After ten, the right code is refused, too."""
    with serving_shop(demo_shop(store, clock), limits=Limits(refused_codes=10)) as shop:
        enrolled = enrolled_in(shop, clock)
        assert [enrolled.enter("000000", password="wrong").status_code for _ in range(12)] == [401] * 12
        assert [enrolled.enter(enrolled.next_code()).status_code for _ in range(12)] == [200] * 12
        assert [enrolled.enter(enrolled.wrong_code()).status_code for _ in range(10)] == [401] * 10
        refused = enrolled.enter(enrolled.next_code())
        problem_of(refused, 429, "too_many_requests")
        assert refused.headers["ratelimit-policy"] == '"refused_codes";q=10;w=86400'
        assert 86_000 < int(refused.headers["retry-after"]) <= 86_400
        problem_of(enrolled.enter(), 401, "second_factor_required")
        wrong = {**PASSWORD, "code": enrolled.wrong_code()}
        assert [enrolled.post(path, wrong).status_code for path in (OFF, RENEW) * 5] == [422] * 10
        problem_of(enrolled.post(OFF, {**wrong, "code": enrolled.code()}), 429, "too_many_requests")
        problem_of(enrolled.post(CONFIRM, {"code": enrolled.code()}), 429, "too_many_requests")
        clock.advance(hours=24)
        assert enrolled.enter(enrolled.code()).status_code == 200


def test_simultaneous_wrong_passwords_leave_the_owners_codes(store: Store, clock: HeldClock) -> None:
    """Attempts without the password must not use up the refused codes of a day."""
    with serving_shop(demo_shop(store, clock), limits=Limits(refused_codes=2)) as shop:
        enrolled = enrolled_in(shop, clock)
        racing(16, lambda _: enrolled.enter("000000", password="wrong"))
        assert enrolled.enter(enrolled.next_code()).status_code == 200


def test_settings_name_the_shop_and_require_second_factors_of_staff(monkeypatch: pytest.MonkeyPatch) -> None:
    assert issuer_of(read_settings()) == "SellOut"
    assert not read_settings().policy.staff_need_second_factor
    monkeypatch.setenv("SELLOUT_PUBLIC_URL", "https://shop.example/front")
    monkeypatch.setenv("SELLOUT_REQUIRE_STAFF_SECOND_FACTOR", "yes")
    assert issuer_of(read_settings()) == "shop.example"
    assert read_settings().policy.staff_need_second_factor


def test_secrets_and_recovery_codes_in_a_log_or_a_response_are_found(enrolled: Enrolled) -> None:
    """The search of all tests finds them. Only the three responses that show them may have them."""
    for text in (enrolled.secret, enrolled.codes[0], enrolled.codes[0].lower()):
        assert found_in_log(f'{{"line": "{text}"}}') == [text]
        request = httpx2.Request("GET", f"http://shop.example{FACTOR}")
        leak = httpx2.Response(200, json={"leak": text}, request=request)
        with pytest.raises(AssertionError):
            require_no_secrets(leak)


@pytest.fixture
def strict(store: Store, clock: HeldClock) -> Iterator[Served]:
    """A shop whose staff need a second factor."""
    made = demo_shop(store, clock)
    policy = attrs.evolve(made.policy, staff_need_second_factor=True)
    with serving_shop(attrs.evolve(made, policy=policy)) as served:
        yield served


def test_staff_who_need_a_second_factor_have_the_rights_of_customers(strict: Served, clock: HeldClock) -> None:
    client, boss = strict.client, log_in(strict.client, demo.STAFF)
    calls = [
        ("GET", "/user", None),
        ("GET", "/order/orders", None),
        ("GET", "/audit", None),
        ("POST", "/brand", {"name": "New"}),
        ("DELETE", FACTOR, None),
        ("GET", f"/user_info/{CUSTOMER_ID}", None),
        ("GET", f"/order/cart/{CUSTOMER_ID}", None),
    ]
    before = everything_in(strict.shop)
    for method, path, body in calls:
        answer = client.request(method, path, json=body, headers=boss)
        problem_of(answer, 403, "second_factor_missing")
    assert everything_in(strict.shop) == before
    assert client.get("/user_info", headers=boss).status_code == 200
    customer = log_in(client, demo.CUSTOMER)
    problem_of(client.get("/user", headers=customer), 403, "forbidden")
    secret, _ = set_up(client, strict.shop, UserId(STAFF_ID), boss)
    assert client.get("/user", headers=boss).status_code == 200
    clock.advance(seconds=30)
    off = {**PASSWORD, "code": code_at(secret, clock.now)}
    assert client.post(f"/user/second_factor/off/{STAFF_ID}", json=off, headers=boss).status_code == 200
    problem_of(client.get("/user", headers=boss), 403, "second_factor_missing")


def test_staff_who_need_a_second_factor_see_the_catalogue_of_customers(strict: Served) -> None:
    client, boss = strict.client, log_in(strict.client, demo.STAFF)
    set_up(client, strict.shop, UserId(STAFF_ID), boss)
    hidden = {"available_flag": False}
    changed = client.patch("/product/1", json=hidden, headers={**boss, "If-Match": "*"})
    assert changed.status_code == 200
    assert client.get("/product_unit/product/1", headers=boss).status_code == 200
    strict.shop.store.write(lambda tx: tx.second_factors.delete(UserId(STAFF_ID)))
    problem_of(client.get("/product_unit/product/1", headers=boss), 404, "not_found")
