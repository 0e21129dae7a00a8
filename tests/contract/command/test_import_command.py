"""`sellout import` into a shop with orders: sold pieces, the dry run, and repeated SKUs."""

import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import jwt
import pytest

from tests.contract.support.command import Run, ServerProcess, catalogue_line, running_server, start_command

SIZE = {"INT": "M", "US": "9", "UK": "8", "EU": "42", "IT": "42", "RU": "41"}
UNIT = {
    "size": SIZE,
    "final_price": 100,
    "currency": "RUB",
    "delivery_type": "Самолёт",
    "platform": "Poizon",
    "stock": 1,
}


def check_out(server: ServerProcess, name: str, unit_ids: list[int]) -> tuple[int, Any]:
    """Registers a buyer, fills the cart and checks out. Returns the response to the checkout, or a refusal to fill the
    cart.
    """
    _, pair = server.request("POST", "/user/register", {"username": name, "password": "a password"})
    token = pair["access"]
    user_id = jwt.decode(token, options={"verify_signature": False})["user_id"]
    _, address = server.request("POST", f"/user/address/{user_id}", {"address": "street", "post_index": ""}, token)
    for unit_id in unit_ids:
        status, document = server.request("POST", f"/order/cart_add/{user_id}/{unit_id}", None, token)
        if status >= 400:
            return status, document
    body = {
        "product_unit": unit_ids,
        "email": "mail@mail.ru",
        "tel": "79990001122",
        "first_name": name,
        "last_name": "B",
        "address_id": address["id"],
    }
    return server.request("POST", f"/order/checkout/{user_id}", body, token)


@pytest.mark.parametrize("source", ["the export", pytest.param("the first file", marks=pytest.mark.deep)])
def test_mondays_price_change_brings_nothing_back(sellout: Run, tmp_path: Path, source: str) -> None:
    first = catalogue_line(1, units=[UNIT])
    assert sellout("import", "-", stdin=first).returncode == 0
    before = sellout("export").stdout
    assert json.loads(before)["units"][0]["stock"] == 1
    with running_server(tmp_path) as (server, _):
        status, _ = check_out(server, "anna", [1])
        assert status == 201
        repriced = (before if source == "the export" else first).replace('"final_price": 100', '"final_price":90')
        repriced = repriced.replace('"final_price":100', '"final_price":90')
        done = sellout("import", "-", stdin=repriced)
        assert (done.returncode, done.stdout) == (0, "0 created, 1 updated, 0 unchanged, 0 bad lines\n")
        status, refusal = check_out(server, "bert", [1])
        assert (status, refusal["code"]) == (409, "unavailable")
        [unit] = json.loads(sellout("export").stdout)["units"]
        assert (unit["final_price"], unit["stock"], unit["sold"], unit["availability"]) == (90, 0, 1, False)
        assert sellout("import", "--counted", "-", stdin=repriced).returncode == 0
        assert check_out(server, "carl", [1])[0] == 201
    [unit] = json.loads(sellout("export").stdout)["units"]
    assert (unit["stock"], unit["sold"]) == (0, 2)


def test_a_dry_run_says_what_would_change_and_writes_nothing(invoke: Run, tmp_path: Path) -> None:
    other, third = ({**UNIT, "size": {**SIZE, "EU": size}} for size in ("43", "44"))
    invoke("import", "-", stdin=catalogue_line(1, brands=["B"], units=[UNIT, other]) + catalogue_line(2))
    changed = (
        catalogue_line(1, brands=["C"], units=[{**UNIT, "final_price": 90, "stock": None}, third])
        + catalogue_line(2)
        + catalogue_line(3)
    )
    with closing(sqlite3.connect(tmp_path / "sellout.db")) as watching:
        before = list(watching.iterdump())
        done = invoke("import", "--dry-run", "-", stdin=changed + "nonsense\n")
        assert list(watching.iterdump()) == before
    assert done.returncode == 1
    assert done.stderr.startswith("line 4: ")
    assert done.stdout.splitlines() == [
        "sku-1: updated",
        '  brands: "B" -> "C"',
        (
            "  INT M US 9 UK 8 EU 42 IT 42 RU 41, Poizon, Самолёт: price 100 RUB -> 90 RUB; stock 1 -> to order;"
            " was limited to 1, is bought to order from now on"
        ),
        "  INT M US 9 UK 8 EU 44 IT 42 RU 41, Poizon, Самолёт: added, price 100 RUB, stock 1",
        "  INT M US 9 UK 8 EU 43 IT 42 RU 41, Poizon, Самолёт: withdrawn",
        "sku-3: created",
        "Nothing was written. An import would give: 1 created, 1 updated, 1 unchanged, 1 bad line",
    ]
    real = invoke("import", "-", stdin=changed)
    assert real.stdout == "1 created, 1 updated, 1 unchanged, 0 bad lines\n"
    assert real.stderr == (
        "sku-1, INT M US 9 UK 8 EU 42 IT 42 RU 41, Poizon, Самолёт: was limited to 1, is bought to order from now on\n"
    )


def test_stock_that_the_numbers_put_below_zero_is_reported(invoke: Run) -> None:
    invoke("import", "-", stdin=catalogue_line(1, units=[{**UNIT, "stock": 5, "sold": 7}]))
    shown = "INT M US 9 UK 8 EU 42 IT 42 RU 41, Poizon, Самолёт: the file leaves -4 after 7 sold; the stock is 0"
    lower = catalogue_line(1, units=[{**UNIT, "stock": 3}])
    planned = invoke("import", "--dry-run", "-", stdin=lower)
    change = planned.stdout.splitlines()[1]
    assert change.endswith("withdrawn; stock 5 -> 0; the file leaves -4 after 7 sold; the stock is 0")
    for _ in range(2):
        done = invoke("import", "-", stdin=lower)
        assert (done.returncode, done.stderr) == (0, f"sku-1, {shown}\n")


def test_what_is_printed_is_bounded_and_cannot_act_on_a_terminal(invoke: Run) -> None:
    sizes = [{**UNIT, "size": {**SIZE, "EU": str(number)}} for number in range(60)]
    units = catalogue_line(0, units=sizes, name="a\x1b[2Jb", description="x" * 1000)
    done = invoke(
        "import", "--dry-run", "-", stdin=units + "".join(catalogue_line(number) for number in range(1, 1100))
    )
    lines = done.stdout.splitlines()
    assert lines[51:53] == ["  and 10 more units", "sku-1: created"]
    assert lines[-2:] == [
        "further products are only counted",
        "Nothing was written. An import would give: 1100 created, 0 updated, 0 unchanged, 0 bad lines",
    ]
    assert len(lines) == 51 + 1000 + 2
    invoke("import", "-", stdin=catalogue_line(0, units=sizes, name="b"))
    done = invoke("import", "--dry-run", "-", stdin=units)
    assert '  name: "b" -> "a?[2Jb"' in done.stdout.splitlines()
    assert all(len(text) < 300 and text.isprintable() for text in done.stdout.splitlines())
    unlimited = [{**unit, "stock": None} for unit in sizes]
    invoke("import", "-", stdin="".join(catalogue_line(n, units=sizes) for n in range(1, 4)))
    done = invoke("import", "-", stdin="".join(catalogue_line(n, units=unlimited) for n in range(1, 4)))
    assert len(done.stderr.splitlines()) == 101


def from_a_file(folder: Path, content: bytes) -> tuple[int, str, str]:
    (folder / "a.jsonl").write_bytes(content)
    return _output_of(start_command(folder, "import", "a.jsonl"), b"")


def from_a_pipe(folder: Path, content: bytes) -> tuple[int, str, str]:
    return _output_of(start_command(folder, "import", "-"), content)


def _output_of(process: Any, content: bytes) -> tuple[int, str, str]:
    stdout, stderr = process.communicate(content, timeout=60)
    return process.returncode, stdout.decode(), stderr.decode()


@pytest.mark.parametrize("run", [from_a_file, from_a_pipe])
def test_a_sku_twice_names_both_lines_and_nothing_of_it_is_imported(
    sellout: Run, tmp_path: Path, run: Callable[[Path, bytes], tuple[int, str, str]]
) -> None:
    twice = [
        catalogue_line(7, name="First"),
        *(catalogue_line(number) for number in range(10, 260)),
        catalogue_line(7, name="Second"),
    ]
    content = "".join([*twice, catalogue_line(8, fit="x"), catalogue_line(8)]).encode()
    code, stdout, stderr = run(tmp_path, content)
    assert (code, stdout) == (1, "250 created, 0 updated, 0 unchanged, 4 bad lines\n")
    complaints = stderr.splitlines()
    assert complaints[0] == "line 1: the sku 'sku-7' is on line 252 too: nothing of it is imported"
    assert complaints[1] == "line 252: the sku 'sku-7' is on line 1 too: nothing of it is imported"
    assert complaints[2].startswith("line 253: ")
    assert complaints[3] == "line 254: the sku 'sku-8' is on line 253 too: nothing of it is imported"
    assert {json.loads(text)["sku"] for text in sellout("export").stdout.splitlines()} == {
        f"sku-{number}" for number in range(10, 260)
    }


def test_a_dry_run_whose_output_is_not_read_does_not_blame_the_file(tmp_path: Path) -> None:
    """It exits with code 1 and without a message, as every click command does after its output pipe is closed."""
    (tmp_path / "a.jsonl").write_text("".join(map(catalogue_line, range(2000))))
    process = start_command(tmp_path, "import", "--dry-run", "a.jsonl")
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.close()
    complaint = process.stderr.read().decode()
    assert process.wait(timeout=60) == 1
    process.stderr.close()
    assert process.stdin is not None
    process.stdin.close()
    assert complaint == ""
