"""The `sellout` command as a process: its output, its exit codes, and the files that it writes."""

import fcntl
import http.client
import json
import os
import pty
import re
import resource
import signal
import socket
import sqlite3
import stat
import subprocess
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from sellout_adapters.sql import SqlStore
from sellout_core.values import UserId
from sellout_http.settings.signing_key import BadSettings, key_beside
from tests.contract.support.command import (
    ON_A_TERMINAL,
    Run,
    assert_fails,
    catalogue_line,
    running_server,
    start_command,
)
from tests.contract.support.second_factors import turning_on
from tests.contract.support.shop import shop_over

# Invalid calls


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nonsense"], "No such command 'nonsense'"),
        (["import"], "Missing argument"),
        (["import", "a", "b"], "unexpected extra argument"),
        (["serve", "--bogus"], "No such option"),
        (["serve", "--port", "0"], "--port must be a whole number from 1 to 65535"),
        (["serve", "--port", "65536"], "--port must be"),
        (["serve", "--port", "http"], "--port must be"),
        (["serve", "--port", "٨٠"], "--port must be"),
        (["serve", "--port", "9" * 5000], "--port must be"),
        (["serve", "--host", "shop.example"], "--host must be an IP address or localhost"),
        (["serve", "--host", ""], "--host must be"),
        (["serve", "--host", "192.0.2.1"], "cannot listen on port 8000 of 192.0.2.1"),
        (["serve", "--workers", "0"], "--workers must be a whole number from 1 to 64"),
        (["serve", "--workers", "-1"], "--workers must be"),
        (["serve", "--database-url", ""], "--database-url must not be empty"),
        (["serve", "--database-url", "sqlite:///none/a.db"], "no directory"),
        (["serve", "--database-url", "nonsense"], "database URL"),
        (["serve", "--database-url", "sqlite://"], "database"),
        (["import", "none.jsonl"], "cannot read none.jsonl: No such file or directory"),
        (["import", "."], "cannot read .: Is a directory"),
        (["export", "none/a.jsonl"], "cannot write none/a.jsonl: No such file or directory"),
        (["export", "."], "cannot write .: Is a directory"),
        (["export", "--database-url", "sqlite:///none/a.db"], "no directory"),
        (["create-admin"], "Missing option '--username'"),
        (["create-admin", "--username", " "], "--username must not be blank"),
        (["create-admin", "--username", "a" * 151], "--username must be 1 to 150 characters long"),
        (["create-admin", "--username", "a", "--email", "b"], "--email must be an e-mail address"),
        (["create-promo-code", "A"], "Missing option"),
    ],
)
def test_a_wrong_call_is_one_line_and_exit_code_2(invoke: Run, arguments: list[str], message: str) -> None:
    assert_fails(invoke(*arguments, stdin="long enough"), message)


@pytest.mark.parametrize(
    ("variables", "message"),
    [
        ({"SELLOUT_PORT": "x"}, "SELLOUT_PORT must be a whole number from 1 to 65535"),
        ({"SELLOUT_PROT": "80"}, "SELLOUT_PROT is not a setting"),
        ({"SELLOUT_DEMO": "perhaps"}, "SELLOUT_DEMO must be one of"),
        ({"SELLOUT_SECRET_KEY": "secret"}, "SELLOUT_SECRET_KEY must be at least 32 bytes long"),
        ({"SELLOUT_TIME_ZONE": "Mars/Olympus"}, "SELLOUT_TIME_ZONE must be the name of an IANA time zone"),
        ({"SELLOUT_TIME_ZONE": "../../etc/passwd"}, "SELLOUT_TIME_ZONE must be"),
        ({"SELLOUT_THREADS": "65"}, "SELLOUT_THREADS must be a whole number from 1 to 64"),
        ({"SELLOUT_HASH_THREADS": ""}, "SELLOUT_HASH_THREADS must be"),
        ({"SELLOUT_MIN_PASSWORD_LENGTH": "129"}, "SELLOUT_MIN_PASSWORD_LENGTH must be a whole number from 1 to 128"),
        ({"SELLOUT_ACCESS_TOKEN_LIFETIME": "-5"}, "SELLOUT_ACCESS_TOKEN_LIFETIME must be"),
        ({"SELLOUT_REFRESH_TOKEN_LIFETIME": "1.5"}, "SELLOUT_REFRESH_TOKEN_LIFETIME must be"),
        ({"SELLOUT_PORT": "x", "SELLOUT_WORKERS": "y"}, "SELLOUT_WORKERS must be"),
    ],
)
def test_a_wrong_variable_is_named_and_its_value_kept_quiet(
    invoke: Run, variables: dict[str, str], message: str
) -> None:
    done = invoke("serve", **variables)
    assert_fails(done, message)
    assert "secret;" not in done.stderr
    assert "'secret'" not in done.stderr


def test_help_and_version_come_without_an_error(sellout: Run) -> None:
    shown = sellout("--help")
    assert (shown.returncode, shown.stderr) == (0, "")
    for command in ("serve", "import", "export", "create-admin", "set-password", "reset-second-factor", "openapi"):
        assert command in shown.stdout
        assert sellout(command, "--help").returncode == 0
    assert sellout("--version").stdout.startswith("sellout")


def test_the_openapi_document_is_printed(sellout: Run) -> None:
    done = sellout("openapi")
    assert done.returncode == 0
    assert json.loads(done.stdout)["openapi"].startswith("3.1")


@pytest.mark.parametrize("arguments", [["nonsense"], ["serve", "--port", "0"], ["import", "none.jsonl"]])
def test_a_wrong_call_ends_a_process_of_its_own_alike(sellout: Run, invoke: Run, arguments: list[str]) -> None:
    alone, within = sellout(*arguments), invoke(*arguments)
    assert (alone.returncode, alone.stdout, alone.stderr) == (2, "", within.stderr)


# Databases that cannot be opened or read


def make_foreign(path: Path) -> None:
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE notes (text TEXT)")
    connection.close()


def make_corrupt(path: Path) -> None:
    path.write_bytes(b"SQLite format 3\0" + b"\xff" * 8176)


def make_other(path: Path) -> None:
    path.write_bytes(b"name,price\n" * 1000)


@pytest.mark.parametrize("make", [make_foreign, make_corrupt, make_other, Path.mkdir])
@pytest.mark.parametrize("command", [["serve"], ["export"]])
def test_a_database_that_is_not_ours_is_left_alone(
    invoke: Run, tmp_path: Path, make: Callable[[Path], None], command: list[str]
) -> None:
    path = tmp_path / "sellout.db"
    make(path)
    before = path.is_dir() or path.read_bytes()
    assert_fails(invoke(*command), "sellout.db")
    assert (path.is_dir() or path.read_bytes()) == before


def test_a_value_damaged_inside_a_database_is_one_line(sellout: Run, tmp_path: Path) -> None:
    """SQLite stores any value in a column, so an invalid date is found only when it is read."""
    assert sellout("import", "-", stdin=catalogue_line(1)).returncode == 0
    with closing(sqlite3.connect(tmp_path / "sellout.db")) as database, database:
        database.execute("UPDATE products SET added_on = 'xx23-04-07'")
    done = sellout("export")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "sellout: the database cannot answer now; nothing was changed\n"


def test_another_database_without_a_key_is_refused_without_its_password(invoke: Run) -> None:
    done = invoke("serve", "--database-url", "postgresql://user:hunter2@127.0.0.1/shop")
    assert_fails(done, "")
    assert "hunter2" not in done.stderr


# Import and export


def test_import_counts_and_a_second_run_writes_nothing(sellout: Run, tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text("".join(map(catalogue_line, range(5))))
    first = sellout("import", "a.jsonl")
    assert (first.returncode, first.stderr) == (0, "")
    assert first.stdout == "5 created, 0 updated, 0 unchanged, 0 bad lines\n"
    watching = sqlite3.connect(tmp_path / "sellout.db")
    before = watching.execute("PRAGMA data_version").fetchone()
    assert sellout("import", "a.jsonl").stdout == "0 created, 0 updated, 5 unchanged, 0 bad lines\n"
    assert watching.execute("PRAGMA data_version").fetchone() == before
    watching.close()


def test_bad_lines_are_named_good_ones_kept_and_the_exit_code_is_1(invoke: Run) -> None:
    done = invoke(
        "import",
        "-",
        stdin=catalogue_line(1)
        + "nonsense\n"
        + catalogue_line(2, fit="x")
        + catalogue_line(3)
        + catalogue_line(4)[:-9],
    )
    assert done.returncode == 1
    assert done.stdout == "2 created, 0 updated, 0 unchanged, 3 bad lines\n"
    assert [text.partition(":")[0] for text in done.stderr.splitlines()] == ["line 2", "line 3", "line 5"]


def test_after_a_hundred_bad_lines_the_rest_is_counted(invoke: Run) -> None:
    done = invoke("import", "-", stdin=b"{}\n" * 1000)
    assert done.returncode == 1
    assert "1000 bad lines" in done.stdout
    assert len(done.stderr.splitlines()) == 101


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"sku,name\n" + b"a,Air\n" * 300, "CSV"),
        (b"\xef\xbb\xbfsku;name\n", "CSV"),
        ((catalogue_line(1) * 300).encode("utf-16"), "text in UTF-16"),
        ((catalogue_line(1) * 300).encode("utf-16-le"), "text in UTF-16"),
        ((catalogue_line(1) * 300).encode("utf-16-be"), "text in UTF-16"),
        (f"[{catalogue_line(1)},{catalogue_line(2)}]".encode(), "one JSON array"),
        (json.dumps([json.loads(catalogue_line(1))] * 300, indent=1).encode(), "one JSON array"),
        (json.dumps(json.loads(catalogue_line(1)), indent=1).encode(), "one JSON object on several lines"),
        (b"nonsense\n" * 300, "text without JSON"),
        (b"PK\x03\x04\x14\0\x06\0" * 300, "a binary file"),
    ],
)
@pytest.mark.parametrize("options", [(), ("--dry-run",)])
def test_a_file_of_another_kind_is_one_line(invoke: Run, content: bytes, kind: str, options: tuple[str, ...]) -> None:
    done = invoke("import", "-", *options, stdin=content)
    assert_fails(done, f"- looks like {kind}")
    assert "takes JSON Lines in UTF-8: one product a line" in done.stderr


def test_an_error_names_line_sku_member_and_expected_form(invoke: Run) -> None:
    done = invoke(
        "import",
        "-",
        stdin=catalogue_line(1) + catalogue_line(2, add_date="07.04.2023") + catalogue_line(3, add_date="2023-02-30"),
    )
    assert done.stderr.splitlines() == [
        f'line {number}: sku "sku-{number}": Expected a date that exists, as YYYY-MM-DD, at add_date'
        for number in (2, 3)
    ]
    assert done.stdout == "1 created, 0 updated, 0 unchanged, 2 bad lines\n"


@pytest.mark.deep
def test_export_into_an_empty_shop_exports_the_same(sellout: Run, tmp_path: Path) -> None:
    units = [
        {
            "size": dict.fromkeys(("INT", "US", "UK", "EU", "IT", "RU"), "42"),
            "final_price": 7,
            "currency": "RUB",
            "delivery_type": "Самолёт",
            "platform": "Poizon",
        }
    ]
    sellout("import", "-", stdin=catalogue_line(1, units=units, name="Кеды 👟") + catalogue_line(2, brands=["B", "A"]))
    assert sellout("export", "a.jsonl").returncode == 0
    content = (tmp_path / "a.jsonl").read_bytes()
    assert sellout("import", "a.jsonl", SELLOUT_DATABASE_URL="sqlite:///b.db").returncode == 0
    assert sellout("export", SELLOUT_DATABASE_URL="sqlite:///b.db").stdout.encode() == content
    assert {path.name for path in tmp_path.iterdir()} == {"a.jsonl", "b.db", "sellout.db"}


def test_an_export_that_fails_leaves_the_old_file(invoke: Run, tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text("old")
    make_foreign(tmp_path / "sellout.db")
    assert_fails(invoke("export", "a.jsonl"), "sellout.db")
    assert (tmp_path / "a.jsonl").read_text() == "old"


@pytest.mark.parametrize("arguments", [["export", "/dev/full"], ["export", "-"]])
def test_a_full_disk_is_one_line(sellout: Run, tmp_path: Path, arguments: list[str]) -> None:
    sellout("import", "-", stdin=catalogue_line(1))
    with Path("/dev/full").open("wb") as full:
        process = start_command(tmp_path, *arguments, stdout=full)
    _, stderr = process.communicate()
    assert process.returncode != 0
    assert stderr.startswith(b"sellout: ")
    assert stderr.count(b"\n") == 1


LONG_LINES = [catalogue_line(number, description="x" * 1000) for number in range(590)]
BAD_LINES = [json.dumps({"x" * 400: number}) + "\n" for number in range(100)]


@contextmanager
def blocked_import(folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    """An import that has finished its second batch and blocks: its error messages do not fit into the pipe."""
    (folder / "long.jsonl").write_text("".join([*LONG_LINES[:401], *BAD_LINES, *LONG_LINES[401:]]))
    ours, theirs = os.pipe()
    fcntl.fcntl(theirs, fcntl.F_SETPIPE_SZ, 4096)
    process = start_command(folder, "import", "long.jsonl", stderr=theirs)
    os.close(theirs)
    process.stderr = os.fdopen(ours, "rb", buffering=0)
    try:
        assert process.stderr.read(9) == b"line 402:"
        yield process
    finally:
        process.kill()
        process.communicate()


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
def test_a_killed_import_can_be_run_again(sellout: Run, tmp_path: Path, how: signal.Signals) -> None:
    with blocked_import(tmp_path) as process:
        process.send_signal(how)
        assert process.wait() == -how
    done = sellout("import", "-", stdin="".join(LONG_LINES))
    assert done.stdout == "190 created, 0 updated, 400 unchanged, 0 bad lines\n"


def test_ctrl_c_keeps_finished_batches_and_says_so(sellout: Run, tmp_path: Path) -> None:
    with blocked_import(tmp_path) as process:
        process.send_signal(signal.SIGINT)
        stdout, stderr = process.communicate()
    assert process.returncode == 130
    assert (stdout, b"400 created" in stderr, b"Traceback" in stderr) == (b"", True, False)
    assert sellout("export").stdout.count("\n") == 400


def on_a_terminal(folder: Path, *arguments: str, answers: Iterable[str] = ()) -> tuple[int, str]:
    """Runs the command with its three streams on a terminal. Sends the next answer at each prompt. Returns the exit
    code and the output.
    """
    ours, theirs = pty.openpty()
    streams = {"stdin": theirs, "stdout": theirs, "stderr": theirs, "start_new_session": True}
    process = start_command(folder, *arguments, code=ON_A_TERMINAL, variables={"TERM": "xterm"}, **streams)
    os.close(theirs)
    left = iter(answers)
    shown = b""
    try:
        while part := os.read(ours, 4096):
            shown += part
            if shown.endswith(b": "):
                os.write(ours, next(left).encode() + b"\n")
    except OSError:  # the other end of the terminal is closed
        pass
    os.close(ours)
    return process.wait(), shown.decode()


def test_a_terminal_gets_a_progress_bar(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text("".join(map(catalogue_line, range(5))) + "nonsense\n")
    code, shown = on_a_terminal(tmp_path, "import", "a.jsonl")
    assert code == 1
    assert "Importing" in shown
    assert "line 6: not JSON" in shown
    assert "5 created" in shown


# Users and promo codes


def test_an_admin_is_asked_for_a_password_twice_on_a_terminal(sellout: Run, tmp_path: Path) -> None:
    code, shown = on_a_terminal(tmp_path, "create-admin", "--username", "boss", answers=["long enough"] * 2)
    assert (code, "Created boss" in shown) == (0, True)
    assert "long enough" not in shown
    assert_fails(sellout("create-admin", "--username", "BOSS", stdin="long enough"), "the username is taken", 1)


def test_an_empty_password_on_a_terminal_is_refused_with_a_reason(tmp_path: Path) -> None:
    code, shown = on_a_terminal(tmp_path, "create-admin", "--username", "boss", answers=["", ""])
    assert (code, "no password was given" in shown) == (2, True)


def test_an_admins_password_comes_from_a_variable_or_standard_input(invoke: Run) -> None:
    assert invoke("create-admin", "--username", "a", SELLOUT_ADMIN_PASSWORD="long enough").returncode == 0
    assert invoke("create-admin", "--username", "b", stdin="long enough\n").returncode == 0
    for empty in ({"stdin": ""}, {"stdin": "\n"}, {"SELLOUT_ADMIN_PASSWORD": ""}):
        assert_fails(invoke("create-admin", "--username", "c", **empty), "no password was given")
    assert_fails(invoke("create-admin", "--username", "c", stdin="short\n"), "password must be at least 8")
    assert_fails(invoke("create-admin", "--username", "c", stdin=b"\xff" * 8), "not valid UTF-8")
    short = invoke("create-admin", "--username", "c", stdin="short\n", SELLOUT_MIN_PASSWORD_LENGTH="5")
    assert short.returncode == 0


def test_set_password_replaces_the_password_and_ends_sessions(invoke: Run, tmp_path: Path) -> None:
    invoke("create-admin", "--username", "boss", stdin="long enough")
    with running_server(tmp_path) as (server, _):
        token = server.access_token("boss", "long enough")
        assert "ended all sessions" in invoke("set-password", "--username", "Boss", stdin="quite long enough\n").stdout
        assert server.request("POST", "/user/logout", token=token)[0] == 401
        assert server.request("POST", "/user/login", {"username": "boss", "password": "long enough"})[0] == 401
        assert server.access_token("boss", "quite long enough")
    assert_fails(invoke("set-password", "--username", "boss", stdin=""), "no password was given")
    assert_fails(invoke("set-password", "--username", "boss", stdin="short"), "password must be at least 8")
    for unknown in ("unknown", " ", "a" * 151):
        assert_fails(invoke("set-password", "--username", unknown, stdin="long enough"), "there is no user", 1)


def test_a_second_factor_is_reset(invoke: Run, tmp_path: Path) -> None:
    invoke("create-admin", "--username", "boss", stdin="long enough")
    reset = ("reset-second-factor", "--username")
    assert_fails(invoke(*reset, "boss"), "boss has no second factor", 1)
    for unknown in ("unknown", " ", "a" * 151):
        assert_fails(invoke(*reset, unknown), "there is no user", 1)
    store = SqlStore.open(f"sqlite:///{tmp_path / 'sellout.db'}")
    turning_on(shop_over(store), UserId(1))
    store.close()
    assert invoke(*reset, "Boss").stdout == "Turned off the second factor of boss, user 1, and ended all sessions.\n"
    assert_fails(invoke(*reset, "boss"), "boss has no second factor", 1)


def test_a_promo_code_is_created_for_its_owner(invoke: Run) -> None:
    invoke("create-admin", "--username", "boss", stdin="long enough")
    right = ["--percent", "15", "--absolute", "5", "--max", "10", "--until", "2099-12-31", "--owner"]
    assert "Created СКИДКА" in invoke("create-promo-code", "СКИДКА", *right, "Boss").stdout
    assert_fails(invoke("create-promo-code", "скидка", *right, "boss"), "there is a promo code of that name", 1)
    assert_fails(invoke("create-promo-code", "B", *right, "unknown"), "there is no user unknown", 1)
    for option, value, message in [
        ("--percent", "101", "--percent must be from 0 to 100"),
        ("--percent", "x", "'--percent'"),
        ("--absolute", "-1", "--absolute must be"),
        ("--max", "-1", "--max must be"),
        ("--max", "0", "--max must be at least 1"),
        ("--until", "2026-11-23", "--until must not be in the past: it is "),
        ("--max", "9" * 30, "--max must be"),
        ("--until", "2099-13-31", "--until must be a date"),
        ("--until", "20991231", "--until must be a date"),
        ("--until", "0001-01-01", "--until must be a date"),
    ]:
        assert_fails(invoke("create-promo-code", "B", *right, "boss", option, value), message)
    none = [*right, "boss", "--percent", "0", "--absolute", "0"]
    assert_fails(invoke("create-promo-code", "B", *none), "--percent or --absolute must be above 0")


# Serving


def test_a_demo_says_where_it_is_and_who_may_log_in(tmp_path: Path) -> None:
    with running_server(tmp_path, "--demo") as (server, announced):
        address = f"http://127.0.0.1:{server.port}"
        for expected in (f"{address}/", f"{address}/docs", str(tmp_path / "sellout.db"), "artem", "noadmin"):
            assert expected in announced
        token = server.access_token("artem", "sellout-demo")
        assert len(server.request("GET", "/user", token=token)[1]) == 2
        assert server.stop() == (0, "")


def test_a_demo_answers_scripts_from_this_machine_beside_those_of_configured_origins(tmp_path: Path) -> None:
    with running_server(tmp_path, "--demo", SELLOUT_CORS_ORIGINS="https://shop.example") as (server, _):
        for origin, allowed in [
            ("http://localhost:5173", "http://localhost:5173"),
            ("https://shop.example", "https://shop.example"),
            ("http://localhost.evil.example", None),
        ]:
            connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
            connection.request("GET", "/product/all/1", headers={"Origin": origin})
            assert connection.getresponse().headers["Access-Control-Allow-Origin"] == allowed
            connection.close()
        assert server.stop() == (0, "")


def test_a_restart_keeps_everything(tmp_path: Path) -> None:
    with running_server(tmp_path, "--demo") as (server, _):
        body = {"username": "new@shop.example", "password": "sixsix"}
        status, pair = server.request("POST", "/user/register", body)
        assert status == 201
        assert server.stop() == (0, "")
    with running_server(tmp_path, "--demo") as (server, announced):
        assert "not loaded: the shop is not empty" in announced
        assert server.request("GET", "/order/cart/3", token=pair["access"])[0] == 200
        assert server.access_token("new@shop.example", "sixsix")
        assert server.request("GET", "/product/all/1")[1]["items"][0]["name"] == "Air Force 1"
        assert server.stop() == (0, "")


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_a_request_that_came_before_the_signal_is_answered(tmp_path: Path, how: signal.Signals) -> None:
    with running_server(tmp_path, "--workers", "2") as (server, _):
        body = json.dumps({"username": "someone", "password": "long enough"}).encode()
        with socket.create_connection(("127.0.0.1", server.port), timeout=30) as connection:
            connection.sendall(
                b"POST /user/register HTTP/1.1\r\nHost: shop\r\nContent-Type: application/json\r\n"
                b"Expect: 100-continue\r\nContent-Length: " + str(len(body)).encode() + b"\r\n\r\n"
            )
            # The server asks for the body only after it has begun to handle the request.
            assert connection.recv(4096).startswith(b"HTTP/1.1 100")
            # A worker gets each signal twice, and may get more. It must handle all of them.
            for _ in range(3):
                os.killpg(server.process.pid, how)
            connection.sendall(body)
            assert connection.recv(4096).startswith(b"HTTP/1.1 201")
        assert server.wait_for_end() == (0, "")


def test_a_port_in_use_is_one_line(sellout: Run, tmp_path: Path) -> None:
    with running_server(tmp_path) as (server, _):
        assert_fails(sellout("serve", "--port", str(server.port)), f"port {server.port} on 127.0.0.1 is in use")
        assert server.stop() == (0, "")


def test_the_other_commands_work_beside_a_server(sellout: Run, tmp_path: Path) -> None:
    """A server without a catalogue cache sees the changes of other commands at once."""
    with running_server(tmp_path, SELLOUT_CACHE_MIB="0") as (server, _):
        assert server.request("GET", "/product/all/1") == (200, {"page number": 1, "items": []})
        assert sellout("import", "-", stdin=catalogue_line(1, brands=["New"])).returncode == 0
        [card] = server.request("GET", "/product/all/1")[1]["items"]
        assert card["brands"] == [{"id": 1, "name": "New"}]
        assert sellout("create-admin", "--username", "boss", stdin="long enough").returncode == 0
        assert server.request("GET", "/product", token=server.access_token("boss", "long enough"))[0] == 200
        assert server.stop() == (0, "")


def test_servers_started_at_once_share_a_key_and_load_the_demo_once(tmp_path: Path) -> None:
    with running_server(tmp_path, "--demo") as (first, said), running_server(tmp_path, "--demo") as (second, _):
        assert "artem" in said
        token = first.access_token("artem", "sellout-demo")
        assert len(second.request("GET", "/user", token=token)[1]) == 2


# The key file of a database


def test_the_key_is_private_and_stays(tmp_path: Path) -> None:
    key = key_beside(tmp_path / "a.db")
    assert re.fullmatch("[0-9a-f]{64}", key)
    assert stat.S_IMODE((tmp_path / "a.db.key").stat().st_mode) == 0o600
    assert key_beside(tmp_path / "a.db") == key
    assert [path.name for path in tmp_path.iterdir()] == ["a.db.key"]


def test_what_a_shop_makes_is_private(tmp_path: Path) -> None:
    """The database, its write-ahead log and the key are private, whatever the umask is."""
    before = os.umask(0)
    try:
        with running_server(tmp_path, "--demo") as (server, _):
            assert server.request("GET", "/readyz")[0] == 200
            made = {path.name: stat.S_IMODE(path.stat().st_mode) for path in tmp_path.glob("sellout.db*")}
    finally:
        os.umask(before)
    assert made == dict.fromkeys(["sellout.db", "sellout.db-wal", "sellout.db-shm", "sellout.db.key"], 0o600)


@pytest.mark.deep
def test_a_linked_database_has_one_key(tmp_path: Path) -> None:
    """The key is beside the file that the link points to, so tokens are valid under both names."""
    (tmp_path / "data").mkdir()
    (tmp_path / "linked.db").symlink_to("data/shop.db")
    for url in ("sqlite:///linked.db", "sqlite:///data/shop.db"):
        with running_server(tmp_path, SELLOUT_DATABASE_URL=url) as (server, _):
            assert server.stop() == (0, "")
    assert [path.name for path in tmp_path.rglob("*.key")] == ["shop.db.key"]
    assert stat.S_IMODE((tmp_path / "data" / "shop.db").stat().st_mode) == 0o600


def test_a_disk_that_is_full_is_not_ready(tmp_path: Path) -> None:
    """The server is ready again after there is space. It is alive all the time."""
    with running_server(tmp_path) as (server, _):
        (worker,) = map(int, Path(f"/proc/{server.process.pid}/task/{server.process.pid}/children").read_text().split())
        for limit, status in ((0, 503), (resource.RLIM_INFINITY, 200)):
            resource.prlimit(worker, resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
            # The result of a check is cached for a second.
            assert any(server.request("GET", "/readyz")[0] == status for _ in range(20_000))
            assert server.request("GET", "/livez")[0] == 200


def test_keys_made_at_once_are_one_key(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as threads:
        keys = set(threads.map(key_beside, [tmp_path / "a.db"] * 64))
    assert len(keys) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["a.db.key"]


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644])
def test_a_key_that_others_can_read_is_refused(invoke: Run, tmp_path: Path, mode: int) -> None:
    key_beside(tmp_path / "sellout.db")
    (tmp_path / "sellout.db.key").chmod(mode)
    assert_fails(invoke("serve"), "can be read by others")


@pytest.mark.parametrize("content", [b"", b"short\n", b" " * 64, b"\xff" * 64])
def test_a_key_that_is_none_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.db.key"
    path.write_bytes(content)
    path.chmod(0o600)
    with pytest.raises(BadSettings, match=re.escape(str(path))):
        key_beside(tmp_path / "a.db")
