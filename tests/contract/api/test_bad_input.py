"""Invalid input of every kind: the response is a 4xx that names each fault, never a 5xx, and nothing changes.

Requests come from staff, who have all rights, and refer to objects that exist. So the invalid part alone is the cause
of a refusal.
"""

import gzip
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final
from urllib.parse import quote

import attrs
import httpx2
import msgspec
import pytest

from sellout_adapters import demo
from sellout_adapters.memory import MemoryStore
from sellout_core.catalogue.references import ReferenceKind
from sellout_http.api.operations import Access, Operation
from sellout_http.api.queries.query_parameters import Parameter
from sellout_http.routes import OPERATIONS
from tests.contract.support.buyer import ADDRESS
from tests.contract.support.client import send_raw
from tests.contract.support.requests import (
    BODIES,
    CHECKOUT,
    COURIER,
    DELIVERY,
    IN_SUCCEEDING_ORDER,
    MOVE,
    OPERATION_NAMES,
    RECIPIENT,
    WITH_BODY,
    content_of,
    headers_of,
    path_of,
    valid_body,
    valid_body_with_token,
)
from tests.contract.support.shop import Served, everything_in, log_in, problem_of

pytestmark = pytest.mark.http

JSON: Final = {"Content-Type": "application/json"}
MANY_DIGITS: Final = "9" * 5000
# A lenient parser reads some of these as 1. Others are out of range or not valid text.
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
class StaffClient:
    """Sends requests as staff.

    Attributes:
        headers: The Authorization header.
        before: The content of the shop before the first test.
    """

    served: Served
    headers: Mapping[str, str]
    before: Any

    def send(self, operation: Operation, content: Any, headers: Any = JSON, **ids: Any) -> httpx2.Response:
        """Sends a request with this body and these headers."""
        required = headers_of(operation).items()
        every = [*self.headers.items(), *required, *(headers.items() if isinstance(headers, dict) else headers)]
        return self.served.client.request(operation.method, path_of(operation, **ids), content=content, headers=every)

    def expect_faults(self, operation: Operation, body: Any, *pointers: str) -> list[dict[str, str]]:
        """Asserts that a body is refused because of the values at these JSON pointers alone. Returns the faults."""
        document = problem_of(self.send(operation, json.dumps(body)), 422, "invalid_fields")
        fields: list[dict[str, str]] = document["fields"]
        assert sorted(field.get("pointer", "") for field in fields) == sorted(pointers), document
        assert all(field["detail"] for field in fields)
        return fields


@pytest.fixture(scope="module")
def unchecked_staff(shared: Served) -> StaffClient:
    """Logs in, which is the last change of the shop."""
    return StaffClient(shared, log_in(shared.client, demo.STAFF), everything_in(shared.shop))


@pytest.fixture
def staff(unchecked_staff: StaffClient) -> Iterator[StaffClient]:
    """Asserts after each test that the shop has not changed."""
    yield unchecked_staff
    assert everything_in(unchecked_staff.served.shop) == unchecked_staff.before


@pytest.fixture(params=WITH_BODY)
def operation(request: pytest.FixtureRequest) -> Operation:
    """Each operation with a body."""
    return WITH_BODY[request.param]


Sample = Callable[[Sequence[Any], Operation], Sequence[Any]]


@pytest.fixture
def sample(deep: bool, unchecked_staff: StaffClient) -> Sample:
    """Chooses a fifth of some values for an operation, or all in memory with `--deep`. Successive operations get other
    fifths, so all operations together get every value.
    """
    is_whole = deep and isinstance(unchecked_staff.served.shop.store, MemoryStore)

    def chosen(values: Sequence[Any], operation: Operation) -> Sequence[Any]:
        return values if is_whole else values[OPERATIONS.index(operation) % 5 :: 5]

    return chosen


# Values that are not text, and texts that cannot be stored.
NOT_TEXT: Final[list[Any]] = [
    *(True, False, None, 0, 1, -1, 2**63, 10**400, 0.0, 1.5, -1e308),
    *([], {}, ["x"], [None], [[]], {"x": "x"}, {"$ne": None}),
]
UNSTORABLE: Final = ["\0", "x\0x", "\0x", "x\0", "\ud800", "x\udfff", "\udc00\ud800", "\ud83d", "👟\udc5f"]


def text_faults(maximum: int, *, blank: bool = True) -> list[Any]:
    """Values that are invalid for a text of at most `maximum` characters."""
    too_long = ["x" * (maximum + 1), "ж" * (maximum + 1), "👟" * (maximum + 1), " " * (maximum + 1)]
    return [*NOT_TEXT, *too_long, *UNSTORABLE, *([] if blank else ["", " \t", "\n", "\N{NO-BREAK SPACE}"])]


def number_faults(minimum: int, maximum: int) -> list[Any]:
    """Values that are invalid for an integer in this range."""
    outside = [minimum - 1, maximum + 1, -(2**31), 2**63, 2**64, -(2**63), 10**400, -(10**400)]
    fractions = [1.0, 1.5, 0.5, -0.5, 1e308, -1e308, 1e-300]
    texts = ["", "1", "-1", "1.0", " 1", "1 ", "0x1", "1e0", "\N{ARABIC-INDIC DIGIT ONE}", "NaN", "null", "x", "\0"]
    return [True, False, *outside, *fractions, *texts, [], {}, [1], [[1]], [None], {"$gt": 0}, {"1": 1}]


NO_LISTS: Final[list[Any]] = [True, False, 0, 1, -1, 1.5, "", "x", "[]", None, {}, {"0": "x"}, 10**400]
NO_FLAGS: Final[list[Any]] = [
    *(None, 0, 1, -1, 0.0, 1.0, 1.5, 2, 10**400, "", "true", "false", "True", "yes", "no", "on", "1", "0", "\0", "x"),
    *([], {}, [True], [False], [[]], {"x": True}, [None], ["true"], {"true": 1}, -1.5, 2**63, " ", "null"),
]
DATE_FAULTS: Final[list[Any]] = [
    *(True, None, 0, 1, 1.5, 20260131, [], {}, ["2026-01-31"], 10**400, -1, 2**63),
    *("", " ", "x", "2026", "2026-01", "2026-13-01", "2026-01-32", "2026-02-30", "0000-01-01", "0999-12-31"),
    *("10000-01-01", "2026-1-1", "31.01.2026", "01/31/2026", "2026-01-31T12:00:00Z", " 2026-01-31", "2026-01-31 "),
    *("2026-01-31\n", "\0", "\ud800", "-2026-01-31", "2026-01-3\N{ARABIC-INDIC DIGIT ONE}"),
]
GRID: Final = dict.fromkeys(("INT", "US", "UK", "EU", "IT", "RU"), "9")
SIZE_FAULTS: Final[list[Any]] = [
    *(({**GRID, "EU": value}, "/EU") for value in (*NOT_TEXT, *UNSTORABLE, "", "x" * 21, "👟" * 21)),
    *(({name: "9" for name in GRID if name != missing}, f"/{missing}") for missing in GRID),
    *(({**GRID, name: "9"}, f"/{name}") for name in ("eu", "JP", "x")),
    *(True, False, None, 0, 1, -1, 1.5, "", "42", "EU:42", [], ["42"], [[]], [{}], 10**400, 2**63, "\0", "null"),
]
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
MAIL_FAULTS: Final[list[Any]] = [
    *(True, 1, 1.5, None, [], {}, 10**400, "\0@mail.ru", "\ud800@mail.ru", *BAD_EMAILS),
    *("mail@mail.ru\r\nBcc: other@mail.ru", "mail\r@mail.ru", '"mail"@mail.ru', '"ma il"@mail.ru', "mail@mail.ru\0"),
    *("почта@пример.рф", "mail@пример.рф", "почта@mail.ru", "mail@e\u0301.ru", "a" * 64 + "@" + "b." * 127 + "ru"),
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

PROMO_CODE_FAULTS: Final[Mapping[str, Sequence[Any]]] = {
    "max_activation_count": number_faults(1, 10**9),
    "active_until_date": DATE_FAULTS,
    "discount_percentage": number_faults(0, 100),
    "discount_absolute": number_faults(0, 10**9),
    "active_status": NO_FLAGS,
}
GENDER_FAULTS: Final = [
    *[value for value in NOT_TEXT if value is not None],
    *UNSTORABLE,
    *("", " ", "M", "F", "m", "Male", "MALE", "male ", " male", "male\n", "males", "fe male", "other", "1"),
]
GRID_FAULTS: Final = [
    *(value for value in NOT_TEXT if value is not None),
    *UNSTORABLE,
    *("", " ", "eu", "Eu", "EU ", " EU", "EUR", "EU\n", "INTERNATIONAL", "international", "us", "CM", "42"),
]
BAD_USERNAMES: Final = [
    *("some user", " user", "user ", "some\N{NO-BREAK SPACE}user", "some\tuser", "some\x7fuser", "some\x85user"),
    *("some\N{ZERO WIDTH SPACE}user", "\N{FULLWIDTH LATIN SMALL LETTER A}", "👟"),
    *("\N{CYRILLIC SMALL LETTER A}rtem", "\N{GREEK SMALL LETTER ALPHA}rtem", "имя@mail.ru"),
]
NAMES_FAULTS: Final = [
    (value, place)
    for place, values in {
        "": [*NO_LISTS, ["x"] * 51, ["x", "x"], [f"x{number}" for number in range(51)]],
        "/0": [[""], ["x" * 151], [1], [None], [True], [[]], [{}], [1.5], [-1], [10**400], ["\0"], ["\ud800"]],
        "/1": [["x", ""], ["x", "y" * 151], ["x", 1], ["x", None], ["x", "\0"]],
    }.items()
    for value in values
]
PRODUCT_FAULTS: Final[Mapping[str, Sequence[Any]]] = {
    "sku": text_faults(100, blank=False),
    "name": text_faults(300, blank=False),
    "gender": text_faults(150, blank=False),
    "add_date": DATE_FAULTS,
    # Of other letters, a body of 64 KiB does not hold as many.
    "description": [*NOT_TEXT, *(character * 20_001 for character in "xyz "), *UNSTORABLE],
    "bucket_link": text_faults(2000),
    **dict.fromkeys(("brands", "categories", "tags"), NAMES_FAULTS),
    **dict.fromkeys(("fit", "rel_num"), number_faults(1 - 2**31, 2**31 - 1)),
    "available_flag": NO_FLAGS,
}
NEW_UNIT_FAULTS: Final[Mapping[str, Sequence[Any]]] = {
    "product": number_faults(1, 2**53 - 1),
    "size": SIZE_FAULTS,
    "final_price": number_faults(0, 10**9),
    **dict.fromkeys(("currency", "delivery_type", "platform"), text_faults(150, blank=False)),
    "site": text_faults(2000),
    "availability": NO_FLAGS,
    "stock": number_faults(0, 10**9),
}
REFERENCE_FAULTS: Final[Mapping[ReferenceKind, Mapping[str, Sequence[Any]]]] = {
    kind: {"platform" if kind is ReferenceKind.PLATFORM else "name": text_faults(150, blank=False)}
    | ({"parent_id": number_faults(1, 2**53 - 1)} if kind is ReferenceKind.CATEGORY else {})
    | ({"site": text_faults(2000)} if kind is ReferenceKind.PLATFORM else {})
    for kind in ReferenceKind
}
STATE_FAULTS: Final = [
    *NOT_TEXT,
    *UNSTORABLE,
    *(
        "",
        " ",
        "Confirmed",
        "CONFIRMED",
        "confirmed ",
        " confirmed",
        "confirmed\n",
        "lost",
        "pending",
        "in transit",
        "1",
    ),
]
SOME_UNITS_FAULTS: Final = [(value, place) for value, place in UNIT_FAULTS if value is not None]
CONTROLS: Final = ["\r\n", "1\r2", "\x1b[1m", "\x7f", "\x85"]
MOVE_FAULTS: Final[Mapping[str, Sequence[Any]]] = {
    "to": STATE_FAULTS,
    "product_unit": SOME_UNITS_FAULTS,
    "reason": text_faults(500),
    "cost": number_faults(0, 10**9),
    "carrier": [*text_faults(100), *CONTROLS],
    "tracking_number": [*text_faults(100), *CONTROLS, "1" * 10_000],
}
MOVES_FAULTS: Final = [
    *((value, "") for value in [*NO_LISTS, [], [{**MOVE, "order": 1}] * 101]),
    *((value, "/0") for value in [[1], [None], [[]], ["x"], [True]]),
    *(([{**MOVE, "order": value}], "/0/order") for value in number_faults(1, 2**53 - 1)),
    *(([{**MOVE, "order": 1, "to": value}], "/0/to") for value in STATE_FAULTS),
    *(([{**MOVE, "order": 1, "carrier": value}], "/0/carrier") for value in CONTROLS),
    *(([{**MOVE, "order": 1, "product_unit": value}], "/0/product_unit") for value in ([], [1, 1])),
    ([MOVE], "/0/order"),
    ([{"order": 1}], "/0/to"),
    ([{**MOVE, "order": 1, "x": 1}], "/0/x"),
    ([{**MOVE, "order": 1}, {**MOVE, "order": 2}, {**MOVE, "order": 1}], "/2/order"),
]
_NO_OBJECTS: Final[list[Any]] = [
    *(None, 1, [], True, False, 0, 1.5, "", "x", "{}", [{}], -1, 10**400, [[]], 2**63, "[]", ["x"]),
]
CODE_FAULTS: Final[list[Any]] = [
    *text_faults(27),
    *("", " ", "12345", "1234567", " 123456", "123456 ", "123 456", "123456\n", "+12345", "12345a", "1" * 10_240),
    *(
        "\N{FULLWIDTH DIGIT ONE}23456",
        "\N{ARABIC-INDIC DIGIT ONE}" * 6,
        "ABCDEF-GHIJKL-MNOPQR",
        "ABCDEFGHIJKLMNOPQRSTUVWX",
    ),
    *("ABCDEF-GHIJKL-MNOPQR-STUVW1", "ABCDEF GHIJKL MNOPQR STUVWX", "-BCDEF-GHIJKL-MNOPQR-STUVWX"),
]
_RECIPIENT_FAULTS: Final[Mapping[str, Sequence[Any]]] = {
    "name": [*text_faults(150, blank=False), *CONTROLS],
    "surname": [*text_faults(150, blank=False), *CONTROLS],
    "telephone": BAD_TELEPHONES,
    "patronymic": [*text_faults(150), *CONTROLS],
    "email": [
        *(True, 1, 1.5, [], {}, 10**400, "\0@mail.ru", "\ud800@mail.ru", *filter(None, BAD_EMAILS)),
        *("mail@mail.ru\r\nBcc: other@mail.ru", "mail\r@mail.ru", "mail@mail.ru\0", "a" * 320),
    ],
    "comment": [*text_faults(500), *CONTROLS, "x" * 10_000, "\u2028"],
    "x": [1, None],
}
RECIPIENT_FAULTS: Final = [
    *((value, "") for value in _NO_OBJECTS if value is not None),
    *(({**RECIPIENT, member: value}, f"/{member}") for member, faults in _RECIPIENT_FAULTS.items() for value in faults),
    *(
        ({name: value for name, value in RECIPIENT.items() if name != missing}, f"/{missing}")
        for missing in ("name", "surname", "telephone")
    ),
    ({}, "/name"),
    (dict.fromkeys(RECIPIENT), "/name"),
]
POINT_FAULTS: Final[list[Any]] = [
    *(value for value in NOT_TEXT if value is not None),
    *UNSTORABLE,
    *CONTROLS,
    *(
        "",
        " ",
        "\N{CYRILLIC CAPITAL LETTER EM}SK-5",
        "MSK 5",
        " MSK5",
        "MSK5 ",
        "MSK5\n",
        "-5",
        ".5",
        "_5",
        "../5",
        "5/6",
        "<5>",
        "5'",
        "x" * 51,
    ),
    *("x" * 10_000, "👟", "\N{ARABIC-INDIC DIGIT FIVE}", "5;6", "5,6", "e\u0301"),
]
ADDRESS_FAULTS: Final = [
    *((value, "") for value in _NO_OBJECTS if value is not None),
    *(({**ADDRESS, "address": value}, "/address") for value in text_faults(500, blank=False)),
    *(({**ADDRESS, "post_index": value}, "/post_index") for value in text_faults(20)),
    ({"address": "Проспект Мира 111"}, "/post_index"),
    ({**ADDRESS, "id": 1}, "/id"),
]
DELIVERY_FAULTS: Final = [
    *((value, "") for value in _NO_OBJECTS if value is not None),
    *(({**DELIVERY, "kind": value}, "/kind") for value in STATE_FAULTS),
    *(({**DELIVERY, "pick_up_point": value}, "/pick_up_point") for value in POINT_FAULTS),
    *(({**DELIVERY, "one_parcel": value}, "/one_parcel") for value in NO_FLAGS),
    *(({**COURIER, "address": value}, f"/address{place}") for value, place in ADDRESS_FAULTS),
    *(
        ({**COURIER, "address": {**ADDRESS, name: value}}, f"/address/{name}")
        for name in ("address", "post_index")
        for value in ("a\nb", "a\x85b", "\u2028")
    ),
    ({**DELIVERY, "pick_up_point": None}, "/pick_up_point"),
    ({"kind": "pick_up_point"}, "/pick_up_point"),
    ({"kind": "courier"}, "/address"),
    ({**COURIER, "address": None}, "/address"),
    ({**DELIVERY, "address": ADDRESS}, "/address"),
    ({**COURIER, "pick_up_point": "MSK-5"}, "/pick_up_point"),
    ({**DELIVERY, "fee": 0}, "/fee"),
    ({}, "/kind"),
    (dict.fromkeys(DELIVERY), "/kind"),
]
TARIFF_FAULTS: Final = [
    *((value, "") for value in _NO_OBJECTS if value is not None),
    *(({"price": value, "currency": 1}, "/price") for value in [*number_faults(0, 10**9), None]),
    *(({"price": 5, "currency": value}, "/currency") for value in [*number_faults(1, 2**53 - 1), None, 99, 2**53 - 1]),
    ({"price": 5, "currency": 1, "fee": 0}, "/fee"),
    ({"currency": 1}, "/price"),
    ({"price": 5}, "/currency"),
]
URL_FAULTS: Final[list[Any]] = [
    *text_faults(2000, blank=False),
    *("http://127.0.0.1", "http://[::1]", "http://169.254.169.254", "https://127.0.0.1", "https://localhost"),
    *("https://[::ffff:10.0.0.1]", "https://2130706433", "https://0x7f.1", "https://db.internal", "http://erp.example"),
    *("ftp://erp.example", "https://", "https://user@erp.example", "https://erp.example#a", "javascript:alert(1)"),
]
EVENT_FAULTS: Final[list[Any]] = [
    *NO_LISTS,
    *(["order.sold"], [""], ["order.placed", "order.placed"], ["ORDER.PLACED"], ["order"], ["*"], ["👟"]),
    *(([value], "/0") for value in [*NOT_TEXT, "x" * 65, "\0"]),
    ["order.placed"] * 99,
]
SECRET_FAULTS: Final[list[Any]] = [
    *(each for each in text_faults(100) if each is not None),
    *("", "whsec_", "whsec_AA==", f"whsec_{'A' * 31}", f"whsec_{'A' * 90}", "A" * 32, f"WHSEC_{'A' * 32}", "whsec_ж"),
]
# By operation and member: invalid values. A pair also has the place of the fault within the member.
FAULTS: Final[Mapping[str, Mapping[str, Sequence[Any]]]] = {
    "register": {
        "username": [*text_faults(150, blank=False), *BAD_USERNAMES],
        "password": [*text_faults(128), "", "short"],
        "first_name": text_faults(150),
        "last_name": text_faults(150),
        "gender": GENDER_FAULTS,
    },
    "log_in": {
        "username": text_faults(150),
        "password": text_faults(512),
        "code": [value for value in CODE_FAULTS if value is not None],
    },
    "begin_second_factor": {"password": text_faults(512)},
    "confirm_second_factor": {"code": CODE_FAULTS},
    "renew_recovery_codes": {"code": CODE_FAULTS, "password": text_faults(512)},
    "turn_off_second_factor": {"code": CODE_FAULTS, "password": text_faults(512)},
    "change_password": {"old_password": text_faults(512), "new_password": [*text_faults(128), "", "short"]},
    "refresh_tokens": {"refresh": [*text_faults(4096), ""]},
    "verify_token": {"token": [*text_faults(4096), ""]},
    "change_email": {"email": MAIL_FAULTS, "password": text_faults(512)},
    "verify_email": {"token": [*text_faults(4096), ""]},
    "request_password_reset": {"email": MAIL_FAULTS},
    "reset_password": {"token": [*text_faults(4096), ""], "new_password": [*text_faults(128), "", "short"]},
    "add_address": {"address": text_faults(500, blank=False), "post_index": text_faults(20)},
    "edit_address": {"address": text_faults(500, blank=False), "post_index": text_faults(20)},
    "check_promo_code": {"promo_code": [*text_faults(64), ""], "product_unit": UNIT_FAULTS},
    "check_guest_promo_code": {"promo_code": [*text_faults(64), ""], "product_unit": UNIT_FAULTS},
    "check_out": {
        "product_unit": UNIT_FAULTS,
        "email": [True, 1, 1.5, None, [], {}, 10**400, "\0@mail.ru", "\ud800@mail.ru", *BAD_EMAILS],
        "tel": BAD_TELEPHONES,
        "first_name": text_faults(150, blank=False),
        "last_name": text_faults(150),
        "address_id": [*number_faults(1, 2**53 - 1), None],
        "promo_code": [value for value in text_faults(64) if value is not None],
        "total_amount": number_faults(0, 10**15),
        "recipient": RECIPIENT_FAULTS,
        "delivery": DELIVERY_FAULTS,
    },
    "change_delivery_tariffs": {"pick_up_point": TARIFF_FAULTS, "courier": TARIFF_FAULTS},
    "create_product": PRODUCT_FAULTS,
    "change_product": {member: faults for member, faults in PRODUCT_FAULTS.items() if member != "sku"},
    "create_unit": NEW_UNIT_FAULTS,
    "change_batch": {
        "changes": [
            *NO_LISTS,
            [],
            [{}] * 1001,
            *(([{}, value], "/1") for value in _NO_OBJECTS),
        ],
        "atomic": NO_FLAGS,
    },
    "change_unit": {member: faults for member, faults in NEW_UNIT_FAULTS.items() if member not in {"product", "stock"}},
    "change_stock": {
        "received": number_faults(1, 10**9),
        "counted": number_faults(0, 10**9),
        "reason": text_faults(500),
    },
    # A product without images has an order of none.
    "order_images": {"images": [fault for fault in UNIT_FAULTS if fault != ([], "")]},
    "change_user": {
        "first_name": text_faults(150),
        "last_name": text_faults(150),
        "is_active": NO_FLAGS,
        "is_staff": NO_FLAGS,
        "is_superuser": NO_FLAGS,
        "personal_discount_percentage": number_faults(0, 100),
        "preferred_size_grid": GRID_FAULTS,
    },
    "delete_account": {"password": text_faults(512)},
    "change_own_profile": {
        "first_name": text_faults(150),
        "last_name": text_faults(150),
        "gender": GENDER_FAULTS,
        "tel": [value for value in BAD_TELEPHONES if value is not None] + [1, 77777777777],
        "preferred_size_grid": GRID_FAULTS,
        "main_address_id": number_faults(1, 2**53 - 1),
    },
    "create_promo_code": {
        **PROMO_CODE_FAULTS,
        "string_representation": text_faults(64, blank=False),
        "owner_id": number_faults(1, 2**53 - 1),
    },
    # The maximum is not below the activations of the demo's promo code.
    "change_promo_code": {**PROMO_CODE_FAULTS, "max_activation_count": number_faults(5, 10**9)},
    "capture_payment": {"captured": number_faults(1, 10**15)},
    "move_order": MOVE_FAULTS,
    "move_orders": {"moves": MOVES_FAULTS},
    "create_webhook": {"url": URL_FAULTS, "events": EVENT_FAULTS, "secret": SECRET_FAULTS},
    "change_webhook": {"url": URL_FAULTS, "events": EVENT_FAULTS, "active": NO_FLAGS},
    "replace_webhook_secret": {"secret": SECRET_FAULTS},
    "request_return": {"product_unit": SOME_UNITS_FAULTS, "reason": text_faults(500)},
    "cancel_order": {"product_unit": SOME_UNITS_FAULTS, "reason": text_faults(500)},
    "move_refunds": {
        "to": STATE_FAULTS,
        "product_unit": SOME_UNITS_FAULTS,
        "delivery": NO_FLAGS,
        "reason": text_faults(500),
    },
    **{f"{verb}_{kind.noun}": REFERENCE_FAULTS[kind] for verb in ("add", "change") for kind in ReferenceKind},
}
MEMBERS: Final = [
    pytest.param(name, member, id=f"{name}-{member}") for name, members in FAULTS.items() for member in members
]


def required_of(name: str) -> list[str]:
    """The required members of an operation's body."""
    body = WITH_BODY[name].body
    assert body is not None
    return [field.encode_name for field in msgspec.structs.fields(body) if field.required]


def test_operations_together_get_every_value() -> None:
    """Operations of every kind have each of the five samples."""
    of_ids, of_reads = ([one.values[0] for one in tested] for tested in (IDS, REPEATABLE))
    for tested in (WITH_BODY.values(), [operation for operation, _ in NUMBERS], of_ids, of_reads):
        assert {OPERATIONS.index(operation) % 5 for operation in tested} == set(range(5))


def test_the_base_requests_are_valid(served: Served) -> None:
    """The base request of each operation succeeds. So each refusal below is caused by the change that a test made."""
    for operation in IN_SUCCEEDING_ORDER:
        staff = log_in(served.client, demo.STAFF)
        body = valid_body_with_token(operation, served.client)
        headers = {**staff, **headers_of(operation)}
        response = served.client.request(
            operation.method, path_of(operation), headers=headers, **content_of(operation, body)
        )
        assert response.status_code in operation.statuses, (operation.path, response.text)


def test_every_member_has_invalid_values() -> None:
    """Every operation with a body and every member of it has invalid values here."""
    assert set(FAULTS) == set(WITH_BODY)
    for name, operation in WITH_BODY.items():
        assert operation.body is not None
        assert set(FAULTS[name]) == set(operation.body.__struct_fields__)
        assert set(BODIES[operation.method, operation.path]) == set(FAULTS[name])
        for member, faults in FAULTS[name].items():
            assert len(set(map(repr, faults))) >= 30, (name, member)


@pytest.mark.parametrize(("operation_", "name"), IDS)
def test_a_bad_id_is_a_404(staff: StaffClient, sample: Sample, operation_: Operation, name: str) -> None:
    """An invalid id in any place of a path is a 404, even if a lenient parser would find an existing object."""
    zero = [] if operation_.least_ids.get(name) == 0 else ["0"]
    content = json.dumps(valid_body(operation_))
    # An empty segment at the end of a path is a trailing slash. Before another slash it is an empty id.
    last = operation_.path.endswith("}") and name == operation_.id_names[-1]
    for bad in sample([*map(quote, [*BAD_IDS, *zero]), *BAD_ESCAPES], operation_):
        segment = "/" if last and not bad else bad
        response = staff.send(operation_, content, **{name: segment})
        assert response.status_code == 404, (bad, response.text)
        problem_of(response, 404, "not_found")


def test_zero_is_anonymous_and_nowhere_else_an_id(shared: Served) -> None:
    """0 stands for the anonymous user in the one path that names the reader."""
    zeros = [
        (operation.path, name)
        for operation in OPERATIONS
        for name in operation.id_names
        if operation.least_ids.get(name) == 0
    ]
    assert zeros == [("/product_unit/product_main/{product_id}/{user_id}", "user_id")]
    assert shared.client.get("/product_unit/product_main/1/0").status_code == 200


@pytest.mark.parametrize(
    "target", [b"/user/\xff", b"/user/1 1", b"/user/\x00", b"/user/1\x7f", b"/user/\xd9\xa1"], ids=repr
)
def test_a_path_that_is_no_http_is_refused_by_the_server(shared: Served, target: bytes) -> None:
    """Bytes that are not allowed in a URL get a 400 or 404, not a 5xx."""
    status, _ = send_raw(shared.client, b"GET " + target + b" HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
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
def test_a_bad_number_in_a_query_is_a_422(
    staff: StaffClient, sample: Sample, operation: Operation, parameter: Parameter
) -> None:
    """An invalid number gets a 422, alone and beside a valid one of the same name."""
    name, least, most = parameter.name, parameter.schema["minimum"], parameter.schema["maximum"]
    for value in (*sample(BAD_NUMBERS, operation), least - 1, most + 1, most + 2):
        for query in (f"{name}={value}", f"{name}=5&{name}={value}", f"{name}={value}&{name}=5"):
            response = staff.served.client.get(f"{path_of(operation)}?{query}", headers=staff.headers)
            (field,) = problem_of(response, 422, "invalid_fields")["fields"]
            assert (field["parameter"], set(field)) == (name, {"parameter", "detail", "code"}), query
    for value in (least, most):
        path = f"{path_of(operation)}?{name}={value}&&"
        assert staff.served.client.get(path, headers=staff.headers).status_code == 200


def test_numbers_in_queries_are_those_there_are() -> None:
    assert {parameter.name for _, parameter in NUMBERS} == {
        *("limit", "after", "page_size", "price_min", "price_max"),
        *("object_id", "user", "buyer"),
    }


def test_a_page_size_comes_once(staff: StaffClient) -> None:
    """Two valid values are refused, too."""
    response = staff.served.client.get("/product/all/1?page_size=5&page_size=5")
    assert problem_of(response, 422, "invalid_fields")["fields"] == [
        {"detail": "must not be repeated", "code": "repeated", "parameter": "page_size"}
    ]
    for size in (1, 5, 100):
        response = staff.served.client.get(f"/product/all/1?page_size={size}&&")
        assert len(response.json()["items"]) == min(size, len(response.json()["items"])) > 0


@pytest.mark.parametrize(("name", "member"), MEMBERS)
def test_a_wrong_value_is_named(staff: StaffClient, name: str, member: str) -> None:
    """Each member is tested with each of its invalid values. The rest of the body is valid."""
    operation = WITH_BODY[name]
    for fault in FAULTS[name][member]:
        value, place = fault if isinstance(fault, tuple) else (fault, "")
        body = {**(valid_body(operation) or {}), member: value}
        staff.expect_faults(operation, body, f"#/{member}{place}")


@pytest.mark.parametrize(("name", "member"), MEMBERS)
def test_a_missing_member_is_named(staff: StaffClient, name: str, member: str) -> None:
    """A missing member that is required gets a 422 that names it."""
    if member not in required_of(name):
        return
    operation = WITH_BODY[name]
    body = {key: value for key, value in (valid_body(operation) or {}).items() if key != member}
    (field,) = staff.expect_faults(operation, body, f"#/{member}")
    assert (field["detail"], field["code"]) == ("is missing", "required")


def test_every_fault_of_a_body_is_named_at_once(staff: StaffClient, operation: Operation) -> None:
    """The response to a body with missing, wrong and unknown members names all of them."""
    name = operation.handler.__name__
    if required := required_of(name):
        staff.expect_faults(operation, {}, *(f"#/{member}" for member in required))
    wrong: dict[str, Any] = dict.fromkeys(FAULTS[name], 1.5)
    staff.expect_faults(operation, {**wrong, "more": 1}, "#/more", *(f"#/{member}" for member in wrong))


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


def test_an_unknown_member_is_refused(staff: StaffClient, sample: Sample, operation: Operation) -> None:
    """The pointer to the member is escaped as RFC 6901 demands."""
    known = FAULTS[operation.handler.__name__]
    for member, pointer in UNKNOWN.items():
        if member in known:
            continue
        for value in sample((True, None, "x", {"is_staff": [True]}, 1), operation):
            (field,) = staff.expect_faults(operation, {**(valid_body(operation) or {}), member: value}, pointer)
            assert "not known" in field["detail"]
            assert field["code"] == "unknown_member"


def malformed(good: str) -> dict[str, bytes]:
    """Bodies that are not one JSON document, or that parsers read in different ways, by what is wrong with them."""
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


def test_malformed_json_is_a_400(staff: StaffClient, sample: Sample, operation: Operation) -> None:
    for kind, content in sample([*malformed(json.dumps(valid_body(operation))).items()], operation):
        response = staff.send(operation, content)
        assert response.status_code == 400, (kind, response.text)
        problem_of(response, 400, "malformed_json")


def test_a_repeated_member_is_refused_although_both_are_good(staff: StaffClient, operation: Operation) -> None:
    """Parsers differ in which of the two they take."""
    good = json.dumps(valid_body(operation))
    for member, value in (valid_body(operation) or {}).items():
        content = f"{good[:-1]}, {json.dumps(member)}: {json.dumps(value)}}}"
        problem_of(staff.send(operation, content), 400, "malformed_json")


def test_32_levels_are_read(staff: StaffClient, operation: Operation) -> None:
    """32 levels of nesting are parsed. The body then gets a 422 for an unknown member."""
    good = json.dumps(valid_body(operation))
    for inner in ("[" * 31 + "]" * 31, '{"x": ' * 31 + "1" + "}" * 31, "1e999", "-1e999", "1." + MANY_DIGITS):
        document = problem_of(staff.send(operation, f'{good[:-1]}, "more": {inner}}}'), 422, "invalid_fields")
        assert [field["pointer"] for field in document["fields"]] == ["#/more"]


def test_a_body_has_at_most_a_thousand_values(staff: StaffClient, operation: Operation) -> None:
    """A body with more values gets a 400 before it is parsed: the test's bodies are not even JSON after that. Brackets
    and commas within text do not count. A batch may have 60,000 values.
    """
    most = operation.body_limits.values
    for text in ("", ',[{"' * 500, '\\"[,' * 500):
        member = json.dumps({text: [""] * (most - 2)})[1:-1]
        problem_of(staff.send(operation, f"{{{member}}}"), 422, "invalid_fields")
        for content in (f'{{{member}, "x": 1}}', f"{{{member}, no JSON", "[" * most, "{" * (most + 3096)):
            document = problem_of(staff.send(operation, content), 400, "malformed_json")
            assert document["detail"] == f"The body holds more than {most} values."


def test_a_body_that_is_no_object_is_a_422(staff: StaffClient, operation: Operation) -> None:
    """A JSON document that is not an object is parsed, then refused."""
    for content in ("[]", "[{}]", '"x"', "1", "1.5", "-1e999", "null", "true", '""', r'"\u0000"', r'"\ud800"'):
        document = problem_of(staff.send(operation, content), 422, "invalid_fields")
        assert document["fields"] == [{"detail": "must be an object", "code": "wrong_type", "pointer": "#"}], content


def test_hundreds_of_faults_make_a_short_answer(staff: StaffClient, operation: Operation) -> None:
    """A response names 100 faults at most."""
    body = {str(number): number for number in range(900)}
    response = staff.send(operation, json.dumps(body))
    assert len(problem_of(response, 422, "invalid_fields")["fields"]) == 100


def test_faults_under_long_names_make_an_answer_of_some_length(staff: StaffClient, operation: Operation) -> None:
    """Each pointer repeats the names of all levels above it. The response is bounded: it names as many faults as fit,
    and at least one.
    """
    levels, faults = 30, ",".join(['"\\u0000"'] * 900)
    for width, number in ((500, 1), (10, 35)):
        nested = ('{"' + "я" * width + '":') * levels + f"[{faults}]" + "}" * levels
        response = staff.send(operation, nested.encode())
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


def test_another_content_type_is_a_415(staff: StaffClient, sample: Sample, operation: Operation) -> None:
    """A missing, wrong or repeated Content-Type gets a 415, even with a valid body."""
    good = json.dumps(valid_body(operation))
    for types in sample(OTHER_TYPES, operation):
        response = staff.send(operation, good, [("Content-Type", one) for one in types])
        assert response.status_code == 415, (types, response.text)
        problem_of(response, 415, "unsupported_media_type")


def test_json_in_utf_8_is_read(staff: StaffClient, operation: Operation) -> None:
    """Each form of the header for UTF-8 JSON is accepted. The body then gets a 422, because it is no object."""
    for content_type in (
        "application/json",
        "Application/JSON",
        "application/json;charset=utf-8",
        "application/json; charset=UTF-8",
        'application/json; charset="utf-8"',
        "application/json ;  charset=utf-8 ;",
    ):
        response = staff.send(operation, "[]", {"Content-Type": content_type})
        problem_of(response, 422, "invalid_fields")


CODINGS: Final = [
    *("gzip", "GZIP", "x-gzip", "deflate", "br", "gzip, identity", "identity, gzip", "unknown", "zstd", "compress"),
    *("x-compress", "identity;q=1", "identity gzip", "gzip;", ";", "*", "*/*", "utf-8", "base64", "aes128gcm", "exi"),
    *("pack200-gzip", "dcb", "dcz", "bzip2", "lzma", "xz", "none", "null", "0", "\xff", "gzip\tgzip", "'gzip'"),
]


def test_a_coded_body_is_a_415(staff: StaffClient, sample: Sample, operation: Operation) -> None:
    """A Content-Encoding other than identity gets a 415, whether or not the body is encoded."""
    good = json.dumps(valid_body(operation)).encode()
    for coding in sample(CODINGS, operation):
        for content in (gzip.compress(good), good):
            response = staff.send(operation, content, [*JSON.items(), (b"Content-Encoding", coding.encode("latin-1"))])
            problem_of(response, 415, "unsupported_media_type")
    problem_of(staff.send(operation, gzip.compress(good)), 400, "malformed_json")
    problem_of(staff.send(operation, "[]", {**JSON, "Content-Encoding": "identity"}), 422, "invalid_fields")


def padded(operation: Operation, length: int) -> bytes:
    """A body of this length whose only fault is an unknown member."""
    start = json.dumps(valid_body(operation))[:-1] + ', "more": "'
    return (start + "x" * (length - len(start) - 2) + '"}').encode()


def test_a_body_over_64_kib_is_a_413(staff: StaffClient, operation: Operation) -> None:
    """The limit applies with and without Content-Length. A body of exactly 64 KiB is parsed. A batch may have 2 MiB."""
    most = operation.body_limits.size
    just, over = padded(operation, most), padded(operation, most + 1)
    assert (len(just), len(over)) == (most, most + 1)
    fields = problem_of(staff.send(operation, just), 422, "invalid_fields")["fields"]
    assert [field["pointer"] for field in fields] == ["#/more"]
    fields = problem_of(staff.send(operation, chunked(just)), 422, "invalid_fields")["fields"]
    assert [field["pointer"] for field in fields] == ["#/more"]
    for content in (over, chunked(over), b" " * 3_000_000, b"[" * (most + 1), chunked(b"[" * (most + 1))):
        problem_of(staff.send(operation, content), 413, "body_too_large")


def chunked(content: bytes) -> Iterator[bytes]:
    """The bytes in chunks, which httpx2 sends without Content-Length."""
    for start in range(0, len(content), 10_000):
        yield content[start : start + 10_000]


def test_a_terabyte_is_refused_before_it_comes(staff: StaffClient, operation: Operation) -> None:
    """The Content-Length alone causes the refusal."""
    lines = [f"{operation.method} {path_of(operation)} HTTP/1.1", "Host: x", "Content-Type: application/json"]
    lines += [f"Authorization: {staff.headers['Authorization']}", "Content-Length: 1000000000000", "Connection: close"]
    status, answer = send_raw(staff.served.client, "\r\n".join([*lines, "", ""]).encode())
    assert (status, json.loads(answer)["code"]) == (413, "body_too_large")


@pytest.mark.parametrize("name", [name for name, operation in OPERATION_NAMES.items() if operation.method == "GET"])
def test_a_body_where_none_is_taken_is_ignored(staff: StaffClient, name: str) -> None:
    """An operation without a body ignores one that is sent."""
    operation = OPERATION_NAMES[name]
    # The card of user 0, because the card of a user notes a view.
    plain = staff.send(operation, b"", {}, user_id=0 if operation.access is Access.ANON else 1)
    for content in (b"{", b"\xff", b'{"is_staff": true}'):
        response = staff.send(operation, content, user_id=0 if operation.access is Access.ANON else 1)
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
def test_a_bad_idempotency_key_is_a_422(staff: StaffClient, keys: Sequence[str]) -> None:
    """Nothing is ordered."""
    headers = [*JSON.items(), *(("Idempotency-Key", key) for key in keys)]
    response = staff.send(OPERATION_NAMES["check_out"], json.dumps(CHECKOUT), headers)
    (field,) = problem_of(response, 422, "invalid_fields")["fields"]
    assert (field["header"], set(field)) == ("Idempotency-Key", {"header", "detail", "code"})


@pytest.mark.parametrize("name", OPERATION_NAMES)
def test_a_bad_authorization_is_a_401(staff: StaffClient, sample: Sample, name: str) -> None:
    """Each operation refuses a bad Authorization header, even if it needs no token, and before it parses the body."""
    operation = OPERATION_NAMES[name]
    token = staff.headers["Authorization"].removeprefix("Bearer ")
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
    for headers in sample(bad, operation):
        every: Any = [("Authorization", one) for one in headers] + [("Content-Type", "application/json")]
        response = staff.served.client.request(operation.method, path_of(operation), content=b"{", headers=every)
        problem_of(response, 401, "unauthenticated")
        assert response.headers["www-authenticate"] == 'Bearer error="invalid_token"', headers


@pytest.mark.parametrize("address_id", [3, 2**53 - 1, 2])
def test_a_missing_or_foreign_address_is_unknown(staff: StaffClient, address_id: int) -> None:
    """The address of another user (2) is refused like one that does not exist, even for staff."""
    response = staff.send(OPERATION_NAMES["check_out"], json.dumps({**CHECKOUT, "address_id": address_id}))
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
def test_a_good_checkout_is_read(staff: StaffClient, good: dict[str, Any]) -> None:
    """Values at their limits are accepted. The checkout then gets a 409, because a unit is not in the cart."""
    body = {**CHECKOUT, **good, "product_unit": [2**53 - 1, 1]}
    response = staff.send(OPERATION_NAMES["check_out"], json.dumps(body))
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
def test_a_read_ignores_odd_headers_and_refuses_odd_parameters(
    staff: StaffClient, sample: Sample, operation_: Operation
) -> None:
    """A header that the operation does not use changes nothing. An unknown query parameter gets a 422, or a 414 if the
    query is too long.
    """
    plain = staff.send(operation_, b"", {})
    assert plain.status_code == 200
    assert len(set(HOSTILE)) >= 30
    for number, value in sample([*enumerate(HOSTILE)], operation_):
        for header in HEADERS[number % 3 :: 3]:
            got = staff.send(operation_, b"", [(header.encode(), value.strip().encode("latin-1"))])
            assert (got.status_code, got.content) == (200, plain.content), (header, value)
        path = path_of(operation_)
        sent = quote(value, encoding="latin-1")
        path = f"{path}{'&' if '?' in path else '?'}user_id={sent}&{sent}=1"
        got = staff.served.client.get(path, headers=dict(staff.headers))
        if len(path.partition("?")[2]) > 4096:
            problem_of(got, 414, "query_too_long")
        else:
            fields = problem_of(got, 422, "invalid_fields")["fields"]
            assert fields[0]["parameter"] == "user_id"
            assert {field["code"] for field in fields} == {"unknown_parameter"}, path


@pytest.mark.parametrize("name", WITH_BODY)
def test_hostile_headers_do_not_get_a_bad_body_through(staff: StaffClient, sample: Sample, name: str) -> None:
    """The invalid body gets the same 422 as without the header."""
    for number, value in sample([*enumerate(HOSTILE)], WITH_BODY[name]):
        for header in HEADERS[number % 3 :: 3]:
            more = [(b"Content-Type", b"application/json"), (header.encode(), value.strip().encode("latin-1"))]
            response = staff.send(WITH_BODY[name], b"[]", more)
            assert response.status_code == 422, (header, value)
