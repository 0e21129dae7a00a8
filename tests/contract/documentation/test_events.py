"""The page about events, and the example of a service that gets them."""

import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sellout_adapters.sql import SqlStore
from sellout_adapters.testing.laws.fulfilment.fulfilment import bought, cancel
from sellout_adapters.testing.scene import Scene
from sellout_core.events.kinds import KINDS
from tests.contract.support.command import environment

ROOT = Path(__file__).parents[3]
EXAMPLE = ROOT / "examples" / "events_in_process.py"


def test_the_page_lists_every_kind_of_event() -> None:
    text = (ROOT / "docs" / "events.md").read_text(encoding="utf-8")
    lines = text.split('<a id="kinds"></a>')[1].split("\n|---")[1].split("\n\n")[0].splitlines()[1:]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    assert [
        (re.findall(r"`(.+)`", name), int(version), cause, re.findall(r"`(\w+)`", members))
        for name, version, cause, members in rows
    ] == [([kind.name], kind.version, kind.cause, [member.name for member in kind.members]) for kind in KINDS.values()]


@contextmanager
def service(url: str) -> Iterator["subprocess.Popen[str]"]:
    """The example, from the time when it is subscribed."""
    with subprocess.Popen(  # noqa: S603 - our own example
        [sys.executable, EXAMPLE, url], stdout=subprocess.PIPE, text=True, env=environment()
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        try:
            yield process
        finally:
            process.kill()


def test_a_service_gets_events_also_of_the_time_when_it_did_not_run(tmp_path: Path) -> None:
    """Its code has about fifteen lines."""
    code = EXAMPLE.read_text(encoding="utf-8").split('"""')[2]
    lines = [line for line in code.splitlines() if line.strip() and not line.startswith(("import", "from", "#"))]
    assert len(lines) <= 15
    url = f"sqlite:///{tmp_path / 'shop.db'}"
    store = SqlStore.open(url)
    scene = Scene(store)
    with service(url) as process:
        first = bought(scene, "anna")
        assert process.stdout is not None
        assert f"order.placed order/{first.id} " in process.stdout.readline()
        # A process that is killed before it notes its results has the lane for two minutes.
        while store.read(lambda tx: tx.subscriptions.all())[0].leased_until is not None:
            pass
    second = bought(scene, "boris")
    cancel(scene, second)
    with service(url) as process:
        assert process.stdout is not None
        names = [process.stdout.readline().split()[1:3] for _ in range(2)]
    assert names == [["order.placed", f"order/{second.id}"], ["order.cancelled", f"order/{second.id}"]]
    store.close()
