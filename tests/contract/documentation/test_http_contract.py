"""The HTTP contract in the docs lists the operations that are served, and every status of a problem."""

import re
from pathlib import Path

from sellout_http.problems.types import KINDS
from sellout_http.routes import OPERATIONS

TEXT = (Path(__file__).parents[3] / "docs" / "http-contract.md").read_text(encoding="utf-8")


def test_the_contract_lists_every_operation_as_it_is() -> None:
    rows = re.findall(r"^\| (GET|POST|PUT|DELETE) \| `(\S+)` \| (\w+) \| ([\d, ]+) \|$", TEXT, re.MULTILINE)
    served = [
        (operation.method, operation.path, operation.access.value, ", ".join(map(str, operation.statuses)))
        for operation in OPERATIONS
    ]
    assert rows == served


def test_the_contract_explains_every_status_of_a_problem() -> None:
    explained = {
        int(status) for row in re.findall(r"^\| ([\d, ]+) \|", TEXT, re.MULTILINE) for status in row.split(", ")
    }
    assert {kind.status for kind in KINDS.values()} - {500} == explained
