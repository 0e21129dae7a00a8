"""No input of any kind gives a 5xx: whatever is wrong with a request, the answer says so exactly, and nothing changes.

Requests come from staff, to whom everything is allowed and exists, so that what is wrong is alone to blame.
"""

import gzip
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final
from urllib.parse import quote

import attrs
import httpx2
import pytest

from sellout_adapters import demo
from sellout_http.api.operations import Access, Operation
from sellout_http.api.query_parameters import Parameter
from sellout_http.routes import OPERATIONS
from tests.contract.support.client import raw
from tests.contract.support.requests import (
    BODIES,
    CHECKOUT,
    IN_WORKING_ORDER,
    OPERATION_NAMES,
    WITH_BODY,
    body_of,
    live_body,
    path_of,
)
from tests.contract.support.shop import Served, everything_in, log_in, problem_of

pytestmark = pytest.mark.http

JSON: Final = {"Content-Type": "application/json"}
MANY_DIGITS: Final = "9" * 5000
# One that a careless reader takes for 1, or that does not fit, or that is no text at all.
BAD_IDS: Final = [
    "-1",
    "+1",
    "-0",
    "01",
    "00",
    " 1",
    "1 ",
    "1\n",
    "1_0",
    "1.0",
    "1e0",
    "1e3",
    "0x1",
    "1,1",
    "1;1",
    "\N{ARABIC-INDIC DIGIT ONE}",
    "\N{ARABIC-INDIC DIGIT ONE}\N{ARABIC-INDIC DIGIT TWO}",
    "\N{FULLWIDTH DIGIT ONE}",
    "1\0",
    "\0",
    "👟",
    "abc",
    "true",
    "null",
    str(2**53),
    str(2**63),
    str(2**64),
    "9" * 23,
    "1" * 10_000,
]
BAD_ESCAPES: Final = ["%ff", "1%ff", "%2F", "1%2F", "%2f1", "%252F", "%zz", "%", ""]
IDS: Final = [
    pytest.param(operation, name, id=f"{operation.handler.__name__}-{name}")
    for operation in OPERATIONS
    for name in operation.id_names
]


@attrs.frozen
class Spoiler:
    """Sends what should be refused, as staff, and sees that it is, and that the shop stays as it was."""

    served: Served
    staff: Mapping[str, str]
    before: Any

    def send(self, operation: Operation, content: Any, headers: Any = JSON, **ids: Any) -> httpx2.Response:
        """One request with those bytes for a body."""
        every = [*dict(self.staff).items(), *(headers.items() if isinstance(headers, dict) else headers)]
        return self.served.client.request(operation.method, path_of(operation, **ids), content=content, headers=every)

    def expect_faults(self, operation: Operation, body: Any, *pointers: str) -> list[dict[str, str]]:
        """Asserts that a body is refused for just the values at those JSON pointers, and gives what is said of them."""
        document = problem_of(self.send(operation, json.dumps(body)), 422, "invalid_fields")
        fields: list[dict[str, str]] = document["fields"]
        assert sorted(field.get("pointer", "") for field in fields) == sorted(pointers), document
        assert all(field["detail"] for field in fields)
        return fields


@pytest.fixture(scope="module")
def fresh_spoiler(shared: Served) -> Spoiler:
    """Logging in is the last thing that changes the shop."""
    staff = log_in(shared.client, demo.STAFF)
    return Spoiler(shared, staff, everything_in(shared.shop))


@pytest.fixture
def spoiler(fresh_spoiler: Spoiler) -> Iterator[Spoiler]:
    """The shop holds after each test what it held before the first."""
    yield fresh_spoiler
    assert everything_in(fresh_spoiler.served.shop) == fresh_spoiler.before


@pytest.fixture(params=WITH_BODY)
def operation(request: pytest.FixtureRequest) -> Operation:
    """Each operation that takes a body."""
    return WITH_BODY[request.param]


# What is no text, and texts that cannot be kept.
NO_TEXTS: Final[list[Any]] = [
    *(True, False, None, 0, 1, -1, 2**63, 10**400, 0.0, 1.5, -1e308),
    *([], {}, ["x"], [None], [[]], {"x": "x"}, {"$ne": None}),
]
UNKEPT: Final = ["\0", "x\0x", "\0x", "x\0", "\ud800", "x\udfff", "\udc00\ud800", "\ud83d", "👟\udc5f"]


def text_faults(maximum: int, *, blank: bool = True) -> list[Any]:
    """Values that no text of so many characters may have."""
    too_long = ["x" * (maximum + 1), "ж" * (maximum + 1), "👟" * (maximum + 1), " " * (maximum + 1)]
    return [*NO_TEXTS, *too_long, *UNKEPT, *([] if blank else ["", " \t", "\n", "\N{NO-BREAK SPACE}"])]


def number_faults(minimum: int, maximum: int) -> list[Any]:
    """Values that no whole number in those limits may have."""
    outside = [minimum - 1, maximum + 1, -(2**31), 2**63, 2**64, -(2**63), 10**400, -(10**400)]
    fractions = [1.0, 1.5, 0.5, -0.5, 1e308, -1e308, 1e-300]
    texts = ["", "1", "-1", "1.0", " 1", "1 ", "0x1", "1e0", "\N{ARABIC-INDIC DIGIT ONE}", "NaN", "null", "x", "\0"]
    return [True, False, *outside, *fractions, *texts, [], {}, [1], [[1]], [None], {"$gt": 0}, {"1": 1}]


UNIT_FAULTS: Final = [
    (value, place)
    for place, values in {
        "": [True, False, 0, 1, 1.5, "", "1", "[1]", None, {}, {"0": 1}, [], [1, 1], [1] * 101, list(range(1, 102))],
        "/0": [["1"], [""], [True], [1.0], [1.5], [None], [[1]], [[]], [{}], [0], [-1], [2**53], [2**63], [10**400]],
        "/1": [[1, "x"], [1, 0], [1, None], [1, 2**53]],
    }.items()
    for value in values
]
BAD_EMAILS: Final = [
    "",
    " ",
    "mail",
    "mail@",
    "@mail.ru",
    "mail@mail",
    "mail@@mail.ru",
    "a@b@mail.ru",
    "mail@mail..ru",
    ".mail@mail.ru",
    "mail.@mail.ru",
    "ma..il@mail.ru",
    "mail@-mail.ru",
    "mail@mail-.ru",
    "mail@mail.ru.",
    "ma il@mail.ru",
    "mail@mail.ru ",
    " mail@mail.ru",
    "mail@mail.ru\n",
    "mail@ma_il.ru",
    "mail@[127.0.0.1]",
    "Имя <mail@mail.ru>",
    "a" * 65 + "@mail.ru",
    "a@" + "b" * 64 + ".ru",
    "a@" + "b." * 130 + "ru",
]
GOOD_EMAILS: Final = [
    "mail@mail.ru",
    "o'neil+sellout@mail.example.com",
    "почта@пример.рф",
    "a@b.ru",
    "a" * 64 + "@mail.ru",
    "1@1.2.xn--p1ai",
]
BAD_TELEPHONES: Final = [
    "",
    " ",
    "+",
    "++7",
    "7+",
    "+7 777",
    "8-916-000",
    "(916)1",
    "7" * 16,
    "+" + "7" * 16,
    "\N{ARABIC-INDIC DIGIT SEVEN}" * 3,
    "7\n",
    "\n7",
    "7.0",
    "7e3",
    "tel:7",
    "\0",
    "\ud800",
    -1,
    10**15,
    10**400,
    7.0,
    1.5,
    True,
    None,
    [],
    {},
    ["7"],
    {"tel": "7"},
    False,
    "\N{ARABIC-INDIC DIGIT SEVEN}",
    "7 ",
]
GOOD_TELEPHONES: Final = [0, 7, 10**15 - 1, "0", "7", "+7", "7" * 15, "+" + "7" * 15]

GENDER_FAULTS: Final = [
    *[value for value in NO_TEXTS if value is not None],
    *UNKEPT,
    *("", " ", "M", "F", "m", "Male", "MALE", "male ", " male", "male\n", "males", "fe male", "other", "1"),
]
# For each member of each body: values it may not have, with the place of the fault where that is further in.
FAULTS: Final[Mapping[str, Mapping[str, Sequence[Any]]]] = {
    "register": {
        "username": text_faults(150, blank=False),
        "password": [*text_faults(128), "", "short"],
        "first_name": text_faults(150),
        "last_name": text_faults(150),
        "gender": GENDER_FAULTS,
    },
    "log_in": {"username": text_faults(150), "password": text_faults(512)},
    "change_password": {"old_password": text_faults(512), "new_password": [*text_faults(128), "", "short"]},
    "refresh_tokens": {"refresh": [*text_faults(4096), ""]},
    "verify_token": {"token": [*text_faults(4096), ""]},
    "add_address": {"address": text_faults(500, blank=False), "post_index": text_faults(20)},
    "edit_address": {"address": text_faults(500, blank=False), "post_index": text_faults(20)},
    "check_promo_code": {"promo_code": [*text_faults(64), ""], "product_unit": UNIT_FAULTS},
    "check_out": {
        "product_unit": UNIT_FAULTS,
        "email": [True, 1, 1.5, None, [], {}, 10**400, "\0@mail.ru", "\ud800@mail.ru", *BAD_EMAILS],
        "tel": BAD_TELEPHONES,
        "first_name": text_faults(150, blank=False),
        "last_name": text_faults(150),
        "address_id": [*number_faults(1, 2**53 - 1), None],
        "promo_code": [value for value in text_faults(64) if value is not None],
        "total_amount": number_faults(0, 10**15),
    },
}
OPTIONAL: Final = {"first_name", "last_name", "gender"}, {"promo_code", "total_amount"}
MEMBERS: Final = [
    pytest.param(name, member, id=f"{name}-{member}") for name, members in FAULTS.items() for member in members
]


def required_of(name: str) -> list[str]:
    """The members that an operation's body must have."""
    optional = OPTIONAL[0] if name == "register" else OPTIONAL[1] if name == "check_out" else set()
    return [member for member in FAULTS[name] if member not in optional]


def test_what_is_spoiled_here_is_good_as_it_is(served: Served) -> None:
    """Without a fault each request is answered with success, so a refusal is for the fault."""
    for operation in IN_WORKING_ORDER:
        staff = log_in(served.client, demo.STAFF)
        body = live_body(operation, served.client)
        response = served.client.request(operation.method, path_of(operation), json=body, headers=staff)
        assert response.status_code in operation.statuses, (operation.path, response.text)


def test_every_body_and_member_is_spoiled() -> None:
    """A new operation or member must come in here too."""
    assert set(FAULTS) == set(WITH_BODY)
    for name, operation in WITH_BODY.items():
        assert operation.body is not None
        assert set(FAULTS[name]) == set(operation.body.__struct_fields__)
        assert set(BODIES[operation.method, operation.path]) == set(FAULTS[name])
        for member, faults in FAULTS[name].items():
            assert len(set(map(repr, faults))) >= 30, (name, member)


@pytest.mark.parametrize(("operation_", "name"), IDS)
def test_a_bad_id_is_a_404(spoiler: Spoiler, operation_: Operation, name: str) -> None:
    """In every place of every path, although what it could be mistaken for exists."""
    zero = [] if operation_.least_ids[name] == 0 else ["0"]
    content = json.dumps(body_of(operation_))
    # An empty segment at a path's end is its trailing slash; before another slash it is none.
    last = operation_.path.endswith("}") and name == operation_.id_names[-1]
    for bad in [*map(quote, [*BAD_IDS, *zero]), *BAD_ESCAPES]:
        spoiled = "/" if last and not bad else bad
        response = spoiler.send(operation_, content, **{name: spoiled})
        assert response.status_code == 404, (bad, response.text)
        problem_of(response, 404, "not_found")


def test_zero_is_anonymous_and_nowhere_else_an_id(shared: Served) -> None:
    """Where the path says who asks, 0 says nobody."""
    zeros = [
        (operation.path, name)
        for operation in OPERATIONS
        for name in operation.id_names
        if operation.least_ids[name] == 0
    ]
    assert zeros == [("/product_unit/product_main/{product_id}/{user_id}", "user_id")]
    assert shared.client.get("/product_unit/product_main/1/0").status_code == 200


@pytest.mark.parametrize(
    "target", [b"/user/\xff", b"/user/1 1", b"/user/\x00", b"/user/1\x7f", b"/user/\xd9\xa1"], ids=repr
)
def test_a_path_that_is_no_http_is_refused_by_the_server(shared: Served, target: bytes) -> None:
    """Bytes that no URL has do not get as far as a 5xx."""
    status, _ = raw(shared.client, b"GET " + target + b" HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    assert status in {400, 404}


BAD_NUMBERS: Final = [
    *("-1", "1.0", "+5", "05", "1e1", "", "%20", "%205", "5%20", "%D9%A5", "5%00", "5%0A", "abc", "true"),
    *(
        "null",
        "[5]",
        "5,5",
        "9" * 23,
        MANY_DIGITS[:4000],
        "%ff",
        "%F0%9F%91%9F",
        "-0",
        "00",
        "1_0",
        "0x5",
        "5;5",
        "NaN",
    ),
    *("Infinity", "5'--", "%27", "%22", "%3Cb%3E", "${5}", "{5}", "9007199254740993", "9223372036854775808"),
]
NUMBERS: Final = [
    (operation, parameter)
    for operation in OPERATIONS
    for parameter in operation.parameters
    if parameter.location == "query" and parameter.schema["type"] == "integer"
]


@pytest.mark.parametrize(("operation", "parameter"), NUMBERS, ids=lambda one: getattr(one, "name", ""))
def test_a_bad_number_in_a_query_is_a_422(spoiler: Spoiler, operation: Operation, parameter: Parameter) -> None:
    """Alone, and where a good one comes with it."""
    name, least, most = parameter.name, parameter.schema["minimum"], parameter.schema["maximum"]
    for value in (*BAD_NUMBERS, least - 1, most + 1, most + 2):
        for query in (f"{name}={value}", f"{name}=5&{name}={value}", f"{name}={value}&{name}=5"):
            response = spoiler.served.client.get(f"{path_of(operation)}?{query}", headers=spoiler.staff)
            (field,) = problem_of(response, 422, "invalid_fields")["fields"]
            assert (field["parameter"], set(field)) == (name, {"parameter", "detail", "code"}), query
    for value in (least, most):
        path = f"{path_of(operation)}?{name}={value}&&"
        assert spoiler.served.client.get(path, headers=spoiler.staff).status_code == 200


def test_numbers_in_queries_are_those_there_are() -> None:
    assert [(operation.handler.__name__, parameter.name) for operation, parameter in NUMBERS] == [
        ("list_users", "limit"),
        ("list_users", "after"),
        ("list_products", "limit"),
        ("list_products", "after"),
        ("show_page", "page_size"),
        ("show_page", "price_min"),
        ("show_page", "price_max"),
        ("show_facets", "price_min"),
        ("show_facets", "price_max"),
        ("list_orders", "limit"),
        ("list_orders", "after"),
    ]


def test_a_page_size_comes_once(spoiler: Spoiler) -> None:
    """Two good ones are one too many."""
    response = spoiler.served.client.get("/product/all/1?page_size=5&page_size=5")
    assert problem_of(response, 422, "invalid_fields")["fields"] == [
        {"detail": "must not be repeated", "code": "repeated", "parameter": "page_size"}
    ]
    for size in (1, 5, 100):
        response = spoiler.served.client.get(f"/product/all/1?page_size={size}&&")
        assert len(response.json()["items"]) == min(size, len(response.json()["items"])) > 0


@pytest.mark.parametrize(("name", "member"), MEMBERS)
def test_a_wrong_value_is_named(spoiler: Spoiler, name: str, member: str) -> None:
    """Each member with each value that it may not have, the rest of the body being good."""
    operation = WITH_BODY[name]
    for fault in FAULTS[name][member]:
        value, place = fault if isinstance(fault, tuple) else (fault, "")
        body = {**(body_of(operation) or {}), member: value}
        spoiler.expect_faults(operation, body, f"#/{member}{place}")


@pytest.mark.parametrize(("name", "member"), MEMBERS)
def test_a_missing_member_is_named(spoiler: Spoiler, name: str, member: str) -> None:
    """Where it is required."""
    if member not in required_of(name):
        return
    operation = WITH_BODY[name]
    body = {key: value for key, value in (body_of(operation) or {}).items() if key != member}
    (field,) = spoiler.expect_faults(operation, body, f"#/{member}")
    assert (field["detail"], field["code"]) == ("is missing", "required")


def test_every_fault_of_a_body_is_named_at_once(spoiler: Spoiler, operation: Operation) -> None:
    """Missing, wrong and unknown members together."""
    name = operation.handler.__name__
    spoiler.expect_faults(operation, {}, *(f"#/{member}" for member in required_of(name)))
    wrong: dict[str, Any] = {member: {} for member in FAULTS[name]}
    spoiler.expect_faults(operation, {**wrong, "more": 1}, "#/more", *(f"#/{member}" for member in wrong))


UNKNOWN: Final = {
    "is_staff": "#/is_staff",
    "is_superuser": "#/is_superuser",
    "id": "#/id",
    "Username": "#/Username",
    "product_unit ": "#/product_unit%20",
    "": "#/",
    "a/b~c": "#/a~1b~0c",
    "#": "#/%23",
    "%2F": "#/%252F",
    "ключ": "#/%D0%BA%D0%BB%D1%8E%D1%87",
    "\0": "#/%00",
    "\ud800": "#/%3F",
    "__class__": "#/__class__",
}


def test_an_unknown_member_is_refused(spoiler: Spoiler, operation: Operation) -> None:
    """`is_staff` above all; its pointer is escaped as RFC 6901 has it."""
    for member, pointer in UNKNOWN.items():
        for value in (True, None, "x", {"is_staff": [True]}):
            (field,) = spoiler.expect_faults(operation, {**(body_of(operation) or {}), member: value}, pointer)
            assert "not known" in field["detail"]
            assert field["code"] == "unknown_member"


def malformed(good: str) -> dict[str, bytes]:
    """Bodies that are not one JSON document, or one that no two readers would understand alike."""
    start, more = good.encode(), good[:-1] + ", "
    return {
        "empty": b"",
        "blank": b" \n\t",
        "cut": start[:-1],
        "half": start[: len(start) // 2],
        "two": start + start,
        "trailing garbage": start + b"x",
        "trailing NUL": start + b"\0",
        "byte order mark": b"\xef\xbb\xbf" + start,
        "UTF-16": good.encode("utf-16"),
        "UTF-32": good.encode("utf-32-le"),
        "NUL": b"\0",
        "bytes": b"\xff\xfe\xfd",
        "invalid UTF-8": f'{more}"x": "'.encode() + b'\xff"}',
        "overlong UTF-8": f'{more}"x": "'.encode() + b'\xc0\xaf"}',
        "surrogate in UTF-8": f'{more}"x": "'.encode() + b'\xed\xa0\x80"}',
        "cut UTF-8": f'{more}"x": "'.encode() + b'\xd0"}',
        "raw newline": f'{more}"x": "\n"}}'.encode(),
        "bad escape": f'{more}"x": "\\x41"}}'.encode(),
        "cut escape": f'{more}"x": "\\ud8"}}'.encode(),
        "single quotes": b"{'x': 1}",
        "comment": b"/* */" + start,
        "trailing comma": f"{good[:-1]},}}".encode(),
        "bare word": f'{more}"x": nul}}'.encode(),
        "form": b"username=x&password=y",
        "NaN": f'{more}"x": NaN}}'.encode(),
        "Infinity": f'{more}"x": Infinity}}'.encode(),
        "-Infinity": f'{more}"x": [-Infinity]}}'.encode(),
        "leading zero": f'{more}"x": 01}}'.encode(),
        "plus": f'{more}"x": +1}}'.encode(),
        "hexadecimal": f'{more}"x": 0x1}}'.encode(),
        "digits": f'{more}"x": {MANY_DIGITS}}}'.encode(),
        "negative digits": f'{more}"x": [-{MANY_DIGITS}]}}'.encode(),
        "deep": b"[" * 30_000 + b"]" * 30_000,
        "deep and cut": b"[" * 60_000,
        "deep objects": b'{"x":' * 10_000 + b"1" + b"}" * 10_000,
        "33 levels": f'{more}"x": {"[" * 32}{"]" * 32}}}'.encode(),
        "33 levels of objects": (f'{more}"x": ' + '{"x": ' * 32 + "1" + "}" * 32 + "}").encode(),
        "repeated": f'{more}"x": 1, "x": 1}}'.encode(),
        "repeated in another spelling": f'{more}"x": 1, "\\u0078": 1}}'.encode(),
        "repeated further in": f'{more}"x": [{{"y": 1, "y": 2}}]}}'.encode(),
    }


def test_malformed_json_is_a_400(spoiler: Spoiler, operation: Operation) -> None:
    """However it is malformed."""
    for kind, content in malformed(json.dumps(body_of(operation))).items():
        response = spoiler.send(operation, content)
        assert response.status_code == 400, (kind, response.text)
        problem_of(response, 400, "malformed_json")


def test_a_repeated_member_is_refused_although_both_are_good(spoiler: Spoiler, operation: Operation) -> None:
    """Whichever of the two another reader would take."""
    good = json.dumps(body_of(operation))
    for member, value in (body_of(operation) or {}).items():
        content = f"{good[:-1]}, {json.dumps(member)}: {json.dumps(value)}}}"
        problem_of(spoiler.send(operation, content), 400, "malformed_json")


def test_32_levels_are_read(spoiler: Spoiler, operation: Operation) -> None:
    """And then refused for what they are."""
    good = json.dumps(body_of(operation))
    for inner in ("[" * 31 + "]" * 31, '{"x": ' * 31 + "1" + "}" * 31, "1e999", "-1e999", "1." + MANY_DIGITS):
        document = problem_of(spoiler.send(operation, f'{good[:-1]}, "more": {inner}}}'), 422, "invalid_fields")
        assert [field["pointer"] for field in document["fields"]] == ["#/more"]


def test_a_body_that_is_no_object_is_a_422(spoiler: Spoiler, operation: Operation) -> None:
    """It is JSON all the same."""
    for content in ("[]", "[{}]", '"x"', "1", "1.5", "-1e999", "null", "true", '""', r'"\u0000"', r'"\ud800"'):
        document = problem_of(spoiler.send(operation, content), 422, "invalid_fields")
        assert document["fields"] == [{"detail": "must be an object", "code": "wrong_type", "pointer": "#"}], content


def test_thousands_of_faults_make_a_short_answer(spoiler: Spoiler, operation: Operation) -> None:
    """What is named ends at a hundred."""
    body = {str(number): number for number in range(3_000)}
    response = spoiler.send(operation, json.dumps(body))
    assert len(problem_of(response, 422, "invalid_fields")["fields"]) == 100


def test_faults_under_long_names_make_an_answer_of_some_length(spoiler: Spoiler, operation: Operation) -> None:
    """Each pointer repeats all names above it: as many are named as there is room for, one at least."""
    levels, faults = 30, ",".join(['"\\u0000"'] * 3900)
    for width, number in ((500, 1), (10, 35)):
        nested = ('{"' + "я" * width + '":') * levels + f"[{faults}]" + "}" * levels
        response = spoiler.send(operation, nested.encode())
        fields = problem_of(response, 422, "invalid_fields")["fields"]
        assert len([field for field in fields if field["pointer"].count("/") > levels]) == number
        assert len(response.content) < 200_000


OTHER_TYPES: Final[Sequence[Sequence[str | bytes]]] = [
    [],
    [""],
    ["json"],
    ["text/plain"],
    ["text/json"],
    ["application/x-www-form-urlencoded"],
    ["multipart/form-data; boundary=x"],
    ["application/octet-stream"],
    ["application/jsonx"],
    ["application/json-patch+json"],
    ["application/problem+json"],
    ["application/json; charset=utf-16"],
    ["application/json; charset=latin-1"],
    ["application/json; charset=utf-8; charset=latin-1"],
    ["application/json; charset"],
    ["application/json; version=1"],
    ["application/json, application/json"],
    ["application/json", "application/json"],
    ["application/json", "text/plain"],
    ["text/plain", "application/json"],
    [b"application/json\xff"],
    *(
        ["*/*"],
        ["application/*"],
        ["application"],
        ["application/"],
        ["/json"],
        ["application/json,"],
        ["application json"],
    ),
    *(["application/json/x"], ["application\\json"], ["application/ld+json"], ["application/json; charset=utf-7"]),
]


def test_another_content_type_is_a_415(spoiler: Spoiler, operation: Operation) -> None:
    """Missing, wrong or doubled, with a body that would be good."""
    good = json.dumps(body_of(operation))
    for types in OTHER_TYPES:
        response = spoiler.send(operation, good, [("Content-Type", one) for one in types])
        assert response.status_code == 415, (types, response.text)
        problem_of(response, 415, "unsupported_media_type")


def test_json_in_utf_8_is_read(spoiler: Spoiler, operation: Operation) -> None:
    """However the header spells it; the body is refused for what it is."""
    for content_type in (
        "application/json",
        "Application/JSON",
        "application/json;charset=utf-8",
        "application/json; charset=UTF-8",
        'application/json; charset="utf-8"',
        "application/json ;  charset=utf-8 ;",
    ):
        response = spoiler.send(operation, "[]", {"Content-Type": content_type})
        problem_of(response, 422, "invalid_fields")


CODINGS: Final = [
    *("gzip", "GZIP", "x-gzip", "deflate", "br", "gzip, identity", "identity, gzip", "unknown", "zstd", "compress"),
    *("x-compress", "identity;q=1", "identity gzip", "gzip;", ";", "*", "*/*", "utf-8", "base64", "aes128gcm", "exi"),
    *("pack200-gzip", "dcb", "dcz", "bzip2", "lzma", "xz", "none", "null", "0", "\xff", "gzip\tgzip", "'gzip'"),
]


def test_a_coded_body_is_a_415(spoiler: Spoiler, operation: Operation) -> None:
    """Whether it is coded or only says so."""
    good = json.dumps(body_of(operation)).encode()
    for coding in CODINGS:
        for content in (gzip.compress(good), good):
            response = spoiler.send(
                operation, content, [*JSON.items(), (b"Content-Encoding", coding.encode("latin-1"))]
            )
            problem_of(response, 415, "unsupported_media_type")
    problem_of(spoiler.send(operation, gzip.compress(good)), 400, "malformed_json")
    problem_of(spoiler.send(operation, "[]", {**JSON, "Content-Encoding": "identity"}), 422, "invalid_fields")


def padded(operation: Operation, length: int) -> bytes:
    """A body of so many bytes that is wrong by nothing but a member too many."""
    start = json.dumps(body_of(operation))[:-1] + ', "more": "'
    return (start + "x" * (length - len(start) - 2) + '"}').encode()


def test_a_body_over_64_kib_is_a_413(spoiler: Spoiler, operation: Operation) -> None:
    """With its length announced and without; the last one that fits is read."""
    just, over = padded(operation, 65_536), padded(operation, 65_537)
    assert (len(just), len(over)) == (65_536, 65_537)
    fields = problem_of(spoiler.send(operation, just), 422, "invalid_fields")["fields"]
    assert [field["pointer"] for field in fields] == ["#/more"]
    fields = problem_of(spoiler.send(operation, chunked(just)), 422, "invalid_fields")["fields"]
    assert [field["pointer"] for field in fields] == ["#/more"]
    for content in (over, chunked(over), b" " * 1_000_000, b"[" * 100_000, chunked(b"[" * 100_000)):
        problem_of(spoiler.send(operation, content), 413, "body_too_large")


def chunked(content: bytes) -> Iterator[bytes]:
    """The bytes in pieces; httpx2 then announces no length."""
    for start in range(0, len(content), 10_000):
        yield content[start : start + 10_000]


def test_a_terabyte_is_refused_before_it_comes(spoiler: Spoiler, operation: Operation) -> None:
    """By the length it announces."""
    lines = [f"{operation.method} {path_of(operation)} HTTP/1.1", "Host: x", "Content-Type: application/json"]
    lines += [f"Authorization: {spoiler.staff['Authorization']}", "Content-Length: 1000000000000", "Connection: close"]
    status, answer = raw(spoiler.served.client, "\r\n".join([*lines, "", ""]).encode())
    assert (status, json.loads(answer)["code"]) == (413, "body_too_large")


@pytest.mark.parametrize("name", [name for name, operation in OPERATION_NAMES.items() if operation.method == "GET"])
def test_a_body_where_none_is_taken_is_ignored(spoiler: Spoiler, name: str) -> None:
    """Whatever it is."""
    operation = OPERATION_NAMES[name]
    # Looking at the card is a view, which is kept; nobody in particular looks here.
    plain = spoiler.send(operation, b"", {}, user_id=0 if operation.access is Access.ANON else 1)
    for content in (b"{", b"\xff", b'{"is_staff": true}'):
        response = spoiler.send(operation, content, user_id=0 if operation.access is Access.ANON else 1)
        assert (response.status_code, response.content) == (200, plain.content)


@pytest.mark.parametrize(
    "keys",
    [
        [""],
        ["k" * 256],
        ["k" * 10_000],
        ["one", "two"],
        ["one", "one"],
        ["", "one"],
        ["a\tb"],
        [b"\xd0\xba\xd0\xbb\xd1\x8e\xd1\x87"],
        [b"\xff"],
    ],
    ids=lambda keys: repr(keys)[:30],
)
def test_a_bad_idempotency_key_is_a_422(spoiler: Spoiler, keys: Sequence[str]) -> None:
    """And nothing is ordered."""
    headers = [*JSON.items(), *(("Idempotency-Key", key) for key in keys)]
    response = spoiler.send(OPERATION_NAMES["check_out"], json.dumps(CHECKOUT), headers)
    (field,) = problem_of(response, 422, "invalid_fields")["fields"]
    assert (field["header"], set(field)) == ("Idempotency-Key", {"header", "detail", "code"})


@pytest.mark.parametrize("name", OPERATION_NAMES)
def test_a_bad_authorization_is_a_401(spoiler: Spoiler, name: str) -> None:
    """On every operation, those that need none included, and before the body is looked at."""
    operation = OPERATION_NAMES[name]
    token = spoiler.staff["Authorization"].removeprefix("Bearer ")
    bad: list[list[str | bytes]] = [
        [""],
        ["Bearer"],
        [token],
        [f"Token {token}"],
        ["Basic YXJ0ZW06c2VsbG91dC1kZW1v"],
        [f"Bearer {token} x"],
        [f"Bearer{token}"],
        [f"Bearer\t{token}"],
        [f"Bearer  {token}, Bearer {token}"],
        [f'Bearer "{token}"'],
        [f"Bearer {token}x"],
        [f"Bearer {token[:-1]}"],
        ["Bearer x"],
        ["Bearer x.y.z"],
        ["Bearer ..."],
        ["Bearer " + "x" * 10_000],
        [b"Bearer \xff"],
        ["Bearer токен".encode()],
        [f"Bearer {token}", f"Bearer {token}"],
        ["", f"Bearer {token}"],
    ]
    for headers in bad:
        every: Any = [("Authorization", one) for one in headers] + [("Content-Type", "application/json")]
        response = spoiler.served.client.request(operation.method, path_of(operation), content=b"{", headers=every)
        problem_of(response, 401, "unauthenticated")
        assert response.headers["www-authenticate"] == 'Bearer error="invalid_token"', headers


@pytest.mark.parametrize("address_id", [3, 2**53 - 1, 2])
def test_an_address_of_nobody_or_another_is_unknown(spoiler: Spoiler, address_id: int) -> None:
    """Another user's (2) is as unknown as one that does not exist, to staff too: it is not the buyer's."""
    response = spoiler.send(OPERATION_NAMES["check_out"], json.dumps({**CHECKOUT, "address_id": address_id}))
    assert "fields" not in problem_of(response, 422, "unknown_address")


@pytest.mark.parametrize(
    "good",
    [
        *({"email": email} for email in GOOD_EMAILS),
        *({"tel": telephone} for telephone in GOOD_TELEPHONES),
        {"first_name": "x" * 150, "last_name": "x" * 150},
        {"first_name": "👟", "last_name": ""},
        {"promo_code": None, "total_amount": None},
        {"promo_code": "", "total_amount": 0},
        {"promo_code": "x" * 64, "total_amount": 10**15},
        {"address_id": 2**53 - 1},
    ],
    ids=lambda good: repr(good)[:40],
)
def test_a_good_checkout_is_read(spoiler: Spoiler, good: dict[str, Any]) -> None:
    """At the limits of its values: what stands against it is that the unit is not in the cart."""
    body = {**CHECKOUT, **good, "product_unit": [2**53 - 1, 1]}
    response = spoiler.send(OPERATION_NAMES["check_out"], json.dumps(body))
    assert problem_of(response, 409, "not_in_cart")["not_in_cart"] == [2**53 - 1]


HOSTILE: Final = [
    *("", " ", "0", "-1", "1", "true", "null", "NaN", "%00", "%0d%0aX-Injected:%201", "%ff", "x" * 8_000, "'", '"'),
    *("' OR '1'='1", "1; DROP TABLE users", "<script>alert(1)</script>", "../../etc/passwd", "${jndi:ldap://x}"),
    *("{{7*7}}", "$(id)", "`id`", "|id", "\\", "[]", "{}", '{"$gt": ""}', "*", "bytes=0-", "bytes=-1,0-,5-2"),
    *("W/", '"', "a=b; c=d", "=", "; ;", ",,,", "http://[", "169.254.169.254", "::", "\xe9\xff", "0" * 4_000),
]
HEADERS: Final = [
    *("Accept", "Accept-Encoding", "Accept-Language", "Cookie", "Forwarded", "If-Match", "If-None-Match", "Origin"),
    *("If-Modified-Since", "Idempotency-Key", "Prefer", "Range", "Referer", "User-Agent", "Via", "X-Forwarded-For"),
    *("X-Forwarded-Host", "X-Forwarded-Proto", "X-HTTP-Method-Override", "X-Original-URL", "X-Request-ID", "X-User-ID"),
]
REPEATABLE: Final = [
    pytest.param(operation, id=operation.handler.__name__)
    for operation in OPERATIONS
    if operation.method == "GET" and operation.access is not Access.ANON
]


@pytest.mark.parametrize("operation_", REPEATABLE)
def test_a_read_ignores_odd_headers_and_refuses_odd_parameters(spoiler: Spoiler, operation_: Operation) -> None:
    """Headers that it does not read change nothing; a query gets a 422, or a 414 over the limits."""
    plain = spoiler.send(operation_, b"", {})
    assert plain.status_code == 200
    assert len(set(HOSTILE)) >= 30
    for number, value in enumerate(HOSTILE):
        for header in HEADERS[number % 3 :: 3]:
            got = spoiler.send(operation_, b"", [(header.encode(), value.strip().encode("latin-1"))])
            assert (got.status_code, got.content) == (200, plain.content), (header, value)
        path = f"{path_of(operation_)}?user_id={quote(value, encoding='latin-1')}&{quote(value, encoding='latin-1')}=1"
        got = spoiler.served.client.get(path, headers=dict(spoiler.staff))
        if len(path.partition("?")[2]) > 4096:
            problem_of(got, 414, "query_too_long")
        else:
            fields = problem_of(got, 422, "invalid_fields")["fields"]
            assert fields[0]["parameter"] == "user_id"
            assert {field["code"] for field in fields} == {"unknown_parameter"}, path


@pytest.mark.parametrize("name", WITH_BODY)
def test_hostile_headers_do_not_get_a_bad_body_through(spoiler: Spoiler, name: str) -> None:
    """And cause nothing worse than it gets anyway."""
    for number, value in enumerate(HOSTILE):
        for header in HEADERS[number % 3 :: 3]:
            more = [(b"Content-Type", b"application/json"), (header.encode(), value.strip().encode("latin-1"))]
            response = spoiler.send(WITH_BODY[name], b"[]", more)
            assert response.status_code == 422, (header, value)
