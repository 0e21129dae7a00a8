"""Work in child processes that are killed before a statement."""

import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from tests.contract.support.command import environment

# For each number from stdin, a new process does the work and kills itself before the statement with that number. A
# commit counts as a statement, and so do a command to a mail server and the end of the work. `prepare` runs before the
# first statement is counted.
_PROGRAM: Final = """
import os, signal, sys
from sqlalchemy import Engine, event

{prepare}

def attempt(left):
    def count(*_):
        nonlocal left
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    work = prepare(*sys.argv[1:])
    event.listen(Engine, "before_cursor_execute", count)
    event.listen(Engine, "commit", count)
    sys.addaudithook(lambda name, _: count() if name in ("smtplib.connect", "smtplib.send") else None)
    work()
    count()

for line in sys.stdin:
    pid = os.fork()
    if pid == 0:
        try:
            attempt(int(line))
        except BaseException as error:
            print(repr(error), file=sys.stderr)
            os._exit(1)
        os._exit(0)
    print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), flush=True)
"""


@contextmanager
def killed_work(prepare: str, *arguments: str) -> Iterator[Callable[[int], bool]]:
    """Yields a function that does the work in a new process, which is killed before the statement with this number. It
    returns False if the work has fewer statements and is done.

    Args:
        prepare: The source of a function `prepare`, which takes the arguments and returns the work as a function.
        arguments: The arguments of `prepare`.
    """
    program = _PROGRAM.format(prepare=prepare)
    with subprocess.Popen(  # noqa: S603 - our own arguments
        [sys.executable, "-c", program, *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=environment(),
    ) as process:

        def killed_before(number: int) -> bool:
            assert process.stdin is not None
            assert process.stdout is not None
            print(number, file=process.stdin, flush=True)
            code = int(process.stdout.readline())
            assert code in (0, -signal.SIGKILL)
            return code != 0

        yield killed_before
