"""A checkout whose process is killed at any point, and the same request again: one order, on both databases."""

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import Engine

from tests.contract.conftest import PERSISTENT
from tests.contract.support.buying import Buying, about_to_buy
from tests.contract.support.command import environment

# For each number that it reads, a process of its own checks out and is killed before the statement of that number; the
# commit counts as one, and so does the answer.
BUYERS = """
import os, signal, sys
from sqlalchemy import event
from sellout_adapters.sql import SqlStore
from sellout_adapters.testing.scene import Scene, checkout_request
from sellout_core.accounts import OPERATOR
from sellout_core.use_cases.checkout import check_out_once

url, buyer, address, *units = sys.argv[1], *map(int, sys.argv[2:])

def buy(left):
    def count(*_):
        nonlocal left
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    store = SqlStore.open(url)
    event.listen(store.engine, "before_cursor_execute", count)
    event.listen(store.engine, "commit", count)
    ask = checkout_request(address, *units, promo_code="SALE")
    check_out_once(Scene(store).shop, OPERATOR, buyer, ask, "a key", lambda view: b"%d" % view.order.id)
    count()

for line in sys.stdin:
    pid = os.fork()
    if pid == 0:
        try:
            buy(int(line))
        except BaseException as error:
            print(repr(error), file=sys.stderr)
            os._exit(1)
        os._exit(0)
    print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), flush=True)
"""


@pytest.fixture(params=PERSISTENT)
def buying(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Buying]:
    """A shop on each database and somebody about to buy."""
    with PERSISTENT[request.param](tmp_path) as store:
        yield about_to_buy(store)


def url_of(engine: Engine) -> str:
    return engine.url.render_as_string(hide_password=False)


@contextmanager
def buyers(buying: Buying) -> Iterator[subprocess.Popen[str]]:
    """What carries out the purchase in processes that are killed."""
    arguments = [url_of(buying.store.engine), *map(str, (buying.buyer, buying.ask.address_id, *buying.units))]
    with subprocess.Popen(  # noqa: S603 - our own arguments
        [sys.executable, "-c", BUYERS, *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=environment(),
    ) as process:
        yield process


def killed_at(process: subprocess.Popen[str], number: int) -> bool:
    """Whether a purchase reached that statement."""
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(f"{number}\n")
    process.stdin.flush()
    code = int(process.stdout.readline())
    assert code in (0, -signal.SIGKILL)
    return code != 0


def test_a_checkout_that_is_killed_before_any_statement_and_sent_again_is_one_order(buying: Buying) -> None:
    """Until it commits nothing has happened, and the next attempt finds the shop as it was; from then on it is done."""
    before = buying.everything()
    committed = None
    with buyers(buying) as process:
        for number in range(1, 100):
            if not killed_at(process, number):
                break
            if buying.orders():
                committed = committed or number
                buying.require_one_order()
            else:
                assert committed is None
                assert buying.everything() == before
    assert committed is not None
    assert committed > 11
    buying.require_one_order()
    assert buying.check_out() == b"%d" % buying.orders()[0].id
    buying.require_one_order()
