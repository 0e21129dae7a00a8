"""The tables of docs/http-contract.md agree with the code."""

import re
from pathlib import Path

from msgspec.structs import fields

from sellout_core import values
from sellout_http.api.queries.catalogue_query import PARAMETERS
from sellout_http.problems.types import PROBLEM_TYPES
from sellout_http.routes import OPERATIONS
from sellout_http.settings.model import DEFAULT_LIMITS

TEXT = (Path(__file__).parents[3] / "docs" / "http-contract.md").read_text(encoding="utf-8")
NOT_ANSWERED = {"internal_error"}
"""Codes without a row: an error of the shop, and a refusal that only the command can cause."""


def rows(anchor: str, heading: str) -> list[list[str]]:
    """The cells of the first table after an anchor whose first heading begins with `heading`."""
    below = TEXT.split(f'<a id="{anchor}"></a>')[1].split(f"\n| {heading} |")[1]
    lines = below.split("\n\n")[0].splitlines()[2:]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def names(cell: str) -> list[str]:
    return re.findall(r"`([^`]+)`", cell)


def test_the_contract_lists_every_operation_as_it_is() -> None:
    assert rows("operations", "Method") == [
        [
            operation.method,
            f"`{operation.path}`",
            operation.access.value,
            ", ".join(map(str, operation.statuses)),
        ]
        for operation in OPERATIONS
    ]


def test_the_contract_lists_the_other_spellings_of_paths() -> None:
    listed = {names(spelling)[0]: names(canonical)[0] for spelling, canonical in rows("paths", "Spelling of the index")}
    assert listed == {
        re.sub(r":\w+\}", "}", alias): operation.path for operation in OPERATIONS for alias in operation.aliases
    }


def test_the_contract_explains_every_code_under_its_status() -> None:
    explained = [(code, int(status)) for status, codes, _ in rows("errors", "Status") for code in names(codes)]
    assert len(explained) == len(dict(explained))
    assert dict(explained) == {code: kind.status for code, kind in PROBLEM_TYPES.items() if code not in NOT_ANSWERED}


def test_the_contract_lists_the_members_of_every_body() -> None:
    assert [
        (names(operation), names(required), names(optional))
        for operation, required, optional in rows("bodies", "Operation")
    ] == [
        (
            [f"{operation.method} {operation.path}"],
            [member.encode_name for member in fields(operation.body) if member.required],
            [member.encode_name for member in fields(operation.body) if not member.required],
        )
        for operation in OPERATIONS
        if operation.body is not None
    ]


def test_the_contract_states_the_limits() -> None:
    assert [int(limit) for _, limit in rows("limits", "What")] == [
        values.MAX_USERNAME,
        values.MAX_NAME,
        values.MAX_EMAIL,
        values.MAX_TELEPHONE_DIGITS,
        values.MAX_ADDRESS,
        values.MAX_POST_INDEX,
        values.MAX_PROMO_CODE,
        values.MAX_IDEMPOTENCY_KEY,
        values.MAX_CART,
        values.MAX_WISHLIST,
        values.MAX_ADDRESSES,
        values.MAX_PICTURES,
        values.LAST_VIEWED,
        values.PAGE_SIZE,
        values.MAX_PAGE_SIZE,
        values.MAX_LIST,
        values.MAX_TOTAL,
        values.MAX_ID,
    ]


def test_the_contract_lists_the_parameters_of_a_search() -> None:
    listed = [names(name) for name, _ in rows("search", "Parameter")]
    assert listed == [["page_size"], *([parameter.name] for parameter in PARAMETERS)]


def test_the_contract_states_the_limits_of_tries() -> None:
    windows = {
        rule.name: f"{minutes} minute{'s' if minutes > 1 else ''}"
        for operation in OPERATIONS
        for rule in operation.limits
        for minutes in [int(rule.window.total_seconds()) // 60]
    }
    stated = [(*names(rule), int(default), window) for rule, _, default, window in rows("rate-limits", "Rule")]
    assert stated == [(name, default, windows[name]) for name, default in DEFAULT_LIMITS.items()]
