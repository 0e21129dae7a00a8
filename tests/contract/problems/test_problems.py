"""Problem documents: the table is complete, each type has a page that explains it, and documents reveal no
internals.
"""

import html
import json
import re
import threading
from collections.abc import Callable, Iterator, MutableMapping
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from contextlib import contextmanager
from html.parser import HTMLParser
from typing import Any, Final, TypeVar

import attrs
import httpx2
import pytest

from sellout_adapters import demo
from sellout_core import errors
from sellout_core.errors import FieldCode
from sellout_core.fulfilment.refusals import AboveAmountDue, MoveImpossible
from sellout_core.picture_errors import UnsupportedPicture
from sellout_core.ports.store import Store, Transaction
from sellout_core.values import ProductUnitId
from sellout_http.app import create_app
from sellout_http.problems import pages
from sellout_http.problems.details import problem_of
from sellout_http.problems.types import PROBLEM_TYPES
from sellout_http.runtime.served_store import ServedStore, served
from tests.contract.conftest import STORES
from tests.contract.support.client import client_of
from tests.contract.support.requests import OPERATION_NAMES, path_of, valid_body
from tests.contract.support.shop import Served, demo_shop, everything_in, log_in
from tests.contract.support.shop import problem_of as problem_in
from tests.contract.support.slow import SlowPasswords

pytestmark = pytest.mark.http

T = TypeVar("T")

CATEGORIES: Final[dict[type[errors.SellOutError], int]] = {
    errors.Invalid: 422,
    errors.Unauthenticated: 401,
    errors.Forbidden: 403,
    errors.NotFound: 404,
    errors.Conflict: 409,
    errors.Unavailable: 503,
}
OF_HTTP: Final = {
    "bad_request": 400,
    "malformed_json": 400,
    "method_not_allowed": 405,
    "body_too_large": 413,
    "query_too_long": 414,
    "unsupported_media_type": 415,
    "internal_error": 500,
    "request_timeout": 408,
    "too_many_requests": 429,
    "precondition_required": 428,
    "not_acceptable": 406,
}
# An example of each error with arguments, and the further members of its document.
TELLING: Final[dict[type[errors.SellOutError], tuple[errors.SellOutError, dict[str, Any]]]] = {
    errors.InvalidFields: (
        errors.InvalidFields(
            (
                errors.InvalidField("unit_ids", "is wrong", FieldCode.REPEATED),
                errors.InvalidField("page_size", "too", FieldCode.OUT_OF_RANGE),
            )
        ),
        {
            "fields": [
                {"detail": "is wrong", "code": "repeated", "pointer": "#/product_unit"},
                {"detail": "too", "code": "out_of_range", "parameter": "page_size"},
            ]
        },
    ),
    errors.LimitReached: (errors.LimitReached(7), {"maximum": 7}),
    errors.StillReferredTo: (errors.StillReferredTo(("carts", "orders")), {"referrers": ["carts", "orders"]}),
    errors.NotInCart: (errors.NotInCart((1, 2)), {"not_in_cart": [1, 2]}),
    errors.UnitsUnavailable: (errors.UnitsUnavailable((3,)), {"unavailable": [3]}),
    errors.PriceChanged: (errors.PriceChanged(107), {"total_amount": 107}),
    AboveAmountDue: (AboveAmountDue(7), {"amount_due": 7}),
    MoveImpossible: (
        MoveImpossible({ProductUnitId(1): ("confirmed", "cancelled"), ProductUnitId(2): ()}),
        {"possible": [{"product_unit": 1, "to": ["confirmed", "cancelled"]}, {"product_unit": 2, "to": []}]},
    ),
}
Logged = list[MutableMapping[str, Any]]
SECRET: Final = "SELECT secret FROM a_table"
RUSSIAN: Final = re.compile("[а-яё]", re.IGNORECASE)  # noqa: RUF001 - Cyrillic is meant


def tree(root: type[errors.SellOutError] = errors.SellOutError) -> Iterator[type[errors.SellOutError]]:
    """An error class and all of its subclasses."""
    yield root
    for child in root.__subclasses__():
        yield from tree(child)


CONCRETE: Final = [error for error in tree() if "code" in vars(error)]


def example_of(error: type[errors.SellOutError]) -> tuple[errors.SellOutError, dict[str, Any]]:
    """An error of the type, and the further members of its document."""
    return TELLING[error] if error in TELLING else (error(), {})


def test_the_table_holds_every_error_and_what_http_adds() -> None:
    """The table has no unused code. Only categories have no code."""
    assert {error.code for error in CONCRETE} | set(OF_HTTP) == set(PROBLEM_TYPES)
    assert len(CONCRETE) + len(OF_HTTP) == len(PROBLEM_TYPES)
    assert set(tree()) - set(CONCRETE) == {errors.SellOutError, errors.Invalid, errors.Conflict}
    for code, status in OF_HTTP.items():
        assert PROBLEM_TYPES[code].status == status


@pytest.mark.parametrize("error", CONCRETE, ids=lambda error: error.__name__)
def test_an_error_has_its_categorys_status(error: type[errors.SellOutError]) -> None:
    """Each error is in exactly one category. HTTP has statuses of its own for a failed `If-Match` and for a body of
    another type (RFC 9110).
    """
    (status,) = {status for category, status in CATEGORIES.items() if issubclass(error, category)}
    own = {errors.Stale: 412, UnsupportedPicture: 415}
    assert PROBLEM_TYPES[error.code].status == own.get(error, status)


def test_no_two_kinds_say_the_same() -> None:
    """Titles and explanations are unique."""
    for word in ("title", "english", "russian_title", "russian"):
        assert len({getattr(kind, word) for kind in PROBLEM_TYPES.values()}) == len(PROBLEM_TYPES), word


class Page(HTMLParser):
    """The parts of a page: its text by language, its tags and its links."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.words = {"en": "", "ru": ""}
        self.tags: list[str] = []
        self.links: list[str] = []
        self._languages: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        given = dict(attributes)
        self.tags.append(tag)
        self.links += [value for name in ("href", "src") if (value := given.get(name)) is not None]
        if tag != "meta":
            self._languages.append(given.get("lang") or (self._languages[-1] if self._languages else ""))

    def handle_endtag(self, tag: str) -> None:  # noqa: ARG002 - if tags were nested wrongly, the text would not be found
        self._languages.pop()

    def handle_data(self, data: str) -> None:
        self.words[self._languages[-1]] += data


def plain(words: str) -> str:
    """A text without the marks of code."""
    return words.replace("`", "")


@pytest.mark.parametrize("code", PROBLEM_TYPES)
def test_a_type_is_a_page_that_explains_it(shared: Served, code: str) -> None:
    """The page is in English and Russian, each marked with its language."""
    response = shared.client.get(f"/problems/{code}")
    assert response.status_code == 200
    assert response.headers["content-type"] == "text/html; charset=utf-8"
    page, kind = Page(response.text), PROBLEM_TYPES[code]
    assert plain(kind.title) in page.words["en"]
    assert plain(kind.english) in page.words["en"]
    assert code in page.words["en"]
    assert str(kind.status) in page.words["en"]
    assert plain(kind.russian_title) in page.words["ru"]
    assert plain(kind.russian) in page.words["ru"]
    assert RUSSIAN.search(page.words["ru"])
    assert not RUSSIAN.search(page.words["en"])
    assert "script" not in page.tags
    assert page.links == ["/problems"]
    assert "default-src 'none'" in response.headers["content-security-policy"]


def test_the_index_leads_to_every_page(shared: Served) -> None:
    response = shared.client.get("/problems")
    assert response.headers["content-type"] == "text/html; charset=utf-8"
    page = Page(response.text)
    assert page.links == [f"/problems/{code}" for code in PROBLEM_TYPES]
    for code, kind in PROBLEM_TYPES.items():
        assert code in page.words["en"]
        assert plain(kind.title) in page.words["en"]
        assert plain(kind.russian_title) in page.words["ru"]


@pytest.fixture
def uncached_pages() -> Iterator[None]:
    """The pages are rendered anew, in the test and after it."""
    for cached in (pages.list_page, pages.explanation_page):
        cached.cache_clear()
    yield
    for cached in (pages.list_page, pages.explanation_page):
        cached.cache_clear()


@pytest.mark.usefixtures("uncached_pages")
def test_a_pages_words_are_escaped(shared: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    """The table gets titles and explanations that are markup."""
    kind = attrs.evolve(
        PROBLEM_TYPES["forbidden"],
        title="<script>alert(1)</script>",
        english="a < b && \"c\" > 'd' `<e>`",
        russian_title="</title><b>жирно",
        russian="<img src=x onerror=y> да",
    )
    monkeypatch.setitem(dict_of(PROBLEM_TYPES), "forbidden", kind)
    for path in ("/problems/forbidden", "/problems"):
        text = shared.client.get(path).text
        page = Page(text)
        assert not {"script", "b", "img", "e"} & set(page.tags)
        assert html.escape(kind.title) in text
        assert kind.title in page.words["en"]
        assert kind.russian_title in page.words["ru"]
    assert plain(kind.english) in Page(shared.client.get("/problems/forbidden").text).words["en"]


def dict_of(table: Any) -> dict[str, Any]:
    """The table as a dictionary, which the test may change."""
    assert isinstance(table, dict)
    return table


@attrs.frozen
class FailingStore(ServedStore):
    """A store whose transactions raise the last of `failures`, if any. Otherwise it is the store inside."""

    inner: Store
    failures: list[Exception]

    @property
    def reads_never_wait(self) -> bool:
        return served(self.inner).reads_never_wait

    def catalogue_version(self) -> int | None:
        self._fail()
        return served(self.inner).catalogue_version()

    def read(self, work: Callable[[Transaction], T]) -> T:
        self._fail()
        return self.inner.read(work)

    def write(self, work: Callable[[Transaction], T]) -> T:
        self._fail()
        return self.inner.write(work)

    def _fail(self) -> None:
        if self.failures:
            raise self.failures[-1]


@attrs.frozen
class Fragile:
    """A served shop whose store fails within `failing`."""

    client: httpx2.Client
    store: FailingStore

    @contextmanager
    def failing(self, error: Exception) -> Iterator[None]:
        """Every transaction raises the error meanwhile."""
        self.store.failures.append(error)
        try:
            yield
        finally:
            self.store.failures.pop()


@pytest.fixture(scope="module", params=STORES)
def fragile(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fragile]:
    """The shop for all tests of this module: a failure changes nothing. Its client does not check responses against the
    OpenAPI document, which has no 500.
    """
    with STORES[request.param](tmp_path_factory.mktemp("fragile")) as store:
        failing = FailingStore(store, [])
        with client_of(create_app(demo_shop(failing), upkeep_seconds=None)) as client:
            yield Fragile(client, failing)


@pytest.mark.parametrize("error", CONCRETE, ids=lambda error: error.__name__)
def test_an_error_of_the_core_is_answered_by_the_table(fragile: Fragile, error: type[errors.SellOutError]) -> None:
    """The document has the members of the error, and no others."""
    example, more = example_of(error)
    kind = PROBLEM_TYPES[error.code]
    with fragile.failing(example):
        response = fragile.client.get("/product/all/1")
    document = problem_in(response, kind.status, error.code)
    assert document == {
        "type": f"/problems/{error.code}",
        "title": kind.title,
        "status": kind.status,
        "detail": kind.english,
        "code": error.code,
        **more,
    }
    assert list(document)[:5] == ["type", "title", "status", "detail", "code"]
    assert ("www-authenticate" in response.headers) == (kind.status == 401)
    assert ("retry-after" in response.headers) == (kind.status == 503)


def test_a_document_of_the_core_leaves_out_what_it_does_not_say() -> None:
    """A document has no null members."""
    for error in CONCRETE:
        example, more = example_of(error)
        document = problem_of(example)
        absent = {"fields", "total_amount", "unavailable", "not_in_cart", "maximum", "amount_due", "possible"} - set(
            more
        )
        assert all(not isinstance(getattr(document, name), int | tuple) for name in absent)


@pytest.mark.parametrize("name", OPERATION_NAMES)
def test_a_mistake_of_ours_is_opaque_and_logged(fragile: Fragile, logged: Logged, name: str) -> None:
    """Each operation answers with a 500 that says nothing about the error. The log has the traceback."""
    operation = OPERATION_NAMES[name]
    if name in {"refresh_tokens", "verify_token"}:
        pair = fragile.client.post("/user/login", json=valid_body(OPERATION_NAMES["log_in"])).json()
        body: Any = {"refresh": pair["refresh"]} if name == "refresh_tokens" else {"token": pair["access"]}
    else:
        body = valid_body(operation)
    staff = log_in(fragile.client, demo.STAFF)
    with fragile.failing(RuntimeError(SECRET)):
        response = fragile.client.request(operation.method, path_of(operation), json=body, headers=staff)
    document = problem_in(response, 500, "internal_error")
    assert document == {
        "type": "/problems/internal_error",
        "title": PROBLEM_TYPES["internal_error"].title,
        "status": 500,
        "detail": PROBLEM_TYPES["internal_error"].english,
        "code": "internal_error",
    }
    (event,) = logged
    assert (event["log_level"], event["route"]) == ("error", operation.path)
    assert event["request_id"] == response.headers["x-request-id"]
    assert "RuntimeError" in event["exception"]
    assert "executor.py" in event["exception"]
    for secret in (staff["Authorization"], demo.PASSWORD, "RuntimeError", SECRET):
        assert secret not in response.text + json.dumps(dict(response.headers))
    assert SECRET not in str(event)


@pytest.mark.parametrize("error", [KeyError("x"), ValueError(), RecursionError(), MemoryError(), OSError(5, SECRET)])
def test_any_mistake_is_a_500_and_the_shop_goes_on(fragile: Fragile, logged: Logged, error: Exception) -> None:
    with fragile.failing(error):
        problem_in(fragile.client.get("/product/all/1"), 500, "internal_error")
    assert [event["log_level"] for event in logged] == ["error"]
    assert fragile.client.get("/product/all/1").status_code == 200


def test_a_refusal_is_not_logged_as_a_mistake(shared: Served, logged: Logged) -> None:
    """Refusals are errors of the client."""
    for path in ("/nothing", "/user/1", "/product/all/0", "/product/all/1?page_size=x"):
        assert 400 <= shared.client.get(path).status_code < 500
    assert shared.client.post("/user/login", content=b"{").status_code == 415
    assert shared.client.patch("/user/login").status_code == 405
    assert logged == []


@pytest.mark.parametrize("name", OPERATION_NAMES)
def test_a_store_that_is_away_is_a_503(fragile: Fragile, logged: Logged, name: str) -> None:
    """Each operation answers with a 503 and Retry-After. The next request succeeds."""
    operation = OPERATION_NAMES[name]
    pair = fragile.client.post("/user/login", json=valid_body(OPERATION_NAMES["log_in"])).json()
    body: Any = valid_body(operation)
    if name in {"refresh_tokens", "verify_token"}:
        body = {"refresh": pair["refresh"]} if name == "refresh_tokens" else {"token": pair["access"]}
    staff = {"Authorization": f"Bearer {pair['access']}"}
    with fragile.failing(errors.Unavailable()):
        response = fragile.client.request(operation.method, path_of(operation), json=body, headers=staff)
    problem_in(response, 503, "unavailable_now")
    assert re.fullmatch("[1-9][0-9]*", response.headers["retry-after"])
    assert "error" not in {event["log_level"] for event in logged}
    assert fragile.client.get("/user_info/1", headers=staff).status_code == 200


@pytest.mark.parametrize(("threads", "waiting"), [(1, 0), (1, 2), (3, 1)])
def test_too_many_log_ins_at_once_are_a_503(store: Store, threads: int, waiting: int) -> None:
    """One log-in more than the number of places is refused. The others succeed later. Other requests are answered
    meanwhile, because hashes run in their own threads.
    """
    resume = threading.Event()
    shop = demo_shop(store)
    slow = attrs.evolve(shop, passwords=SlowPasswords(resume))
    app = create_app(slow, threads=1, hash_threads=threads, hash_queue=waiting)
    with client_of(app) as client, ThreadPoolExecutor(threads + waiting + 1) as callers:
        try:
            log_in_ = OPERATION_NAMES["log_in"]
            asked = [
                callers.submit(client.post, log_in_.path, json=valid_body(log_in_))
                for _ in range(threads + waiting + 1)
            ]
            done, held = wait(asked, timeout=60, return_when=FIRST_COMPLETED)
            (refused,) = done
            problem_in(refused.result(), 503, "unavailable_now")
            assert refused.result().headers["retry-after"] == "1"
            before = everything_in(shop)
            register = client.post("/user/register", json=valid_body(OPERATION_NAMES["register"]))
            problem_in(register, 503, "unavailable_now")
            assert everything_in(shop) == before
            assert client.get("/product/all/1").status_code == 200
            assert client.get("/problems").status_code == 200
            assert not any(one.done() for one in held)
        finally:
            resume.set()
        assert [one.result(timeout=60).status_code for one in held] == [200] * (threads + waiting)
        assert client.post(log_in_.path, json=valid_body(log_in_)).status_code == 200
