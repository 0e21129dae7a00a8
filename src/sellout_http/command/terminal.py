"""The files, streams and terminal at the other end of a command, and the failures it ends with."""

import os
import secrets
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, BinaryIO, Final

import click

from sellout_http.settings.environment import ADMIN_PASSWORD

_MAX_PASSWORD_LINE: Final = 4096


class Failure(click.ClickException):
    """The call or the set-up is wrong; the message is one line for stderr."""

    exit_code = 2


class Refusal(Failure):
    """The shop refuses, or only a part was done."""

    exit_code = 1


class Interrupted(Failure):
    """Ctrl-C; 128 and the signal's number, as shells have it."""

    exit_code = 130


@contextmanager
def reading(file: str) -> Iterator[BinaryIO]:
    """A file to read, `-` being standard input.

    Raises:
        Failure: it cannot be opened.
    """
    if file == "-":
        if sys.stdin is None:
            raise Failure("there is no standard input")
        yield sys.stdin.buffer
        return
    try:
        stream = Path(file).open("rb")  # noqa: SIM115 - only opening it is tried here; the `with` below closes it
    except OSError as error:
        raise Failure(f"cannot read {shown(file)}: {why(error)}") from None
    with stream:
        yield stream


@contextmanager
def writing(file: str | None) -> Iterator[BinaryIO]:
    """A file to write, None and `-` being standard output. It appears under its name whole or not at all.

    Raises:
        Failure: it cannot be written.
    """
    if file is None or file == "-":
        if sys.stdout is None:
            raise Failure("there is no standard output")
        with open(sys.stdout.fileno(), "wb", closefd=False) as stream:
            yield stream
        return
    try:
        with _replacing(Path(os.path.realpath(file))) as stream:
            yield stream
    except OSError as error:
        raise Failure(f"cannot write {shown(file)}: {why(error)}") from None


@contextmanager
def _replacing(target: Path) -> Iterator[BinaryIO]:
    """A file that takes the target's place once it is complete; a device or a pipe is written to as it is."""
    if target.exists() and not target.is_file():
        with target.open("wb") as stream:
            yield stream
        return
    draft = target.with_name(f".{target.name}.{secrets.token_hex(8)}")
    try:
        with draft.open("wb") as stream:
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
        draft.replace(target)
    finally:
        draft.unlink(missing_ok=True)


@contextmanager
def progress(stream: IO[bytes]) -> Iterator[Callable[[int], None]]:
    """Something to tell how many bytes were read: a bar on a terminal, nothing anywhere else."""
    if sys.stderr is None or not sys.stderr.isatty():
        yield lambda _: None
        return
    from rich.console import Console  # noqa: PLC0415 - slow to import, and seldom needed
    from rich.progress import Progress  # noqa: PLC0415 - as above

    size = os.fstat(stream.fileno()).st_size
    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("Importing", total=size or None)
        yield lambda length: bar.advance(task, length)


@contextmanager
def measured(title: str) -> Iterator[Callable[[int, int], None]]:
    """Something to tell how much of the work is done, and how much there is: a bar on a terminal, else nothing."""
    if sys.stderr is None or not sys.stderr.isatty():
        yield lambda _done, _total: None
        return
    from rich.console import Console  # noqa: PLC0415 - slow to import, and seldom needed
    from rich.progress import Progress  # noqa: PLC0415 - as above

    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(title, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


def password() -> str:
    """A new password: from its variable, else asked for twice on a terminal, else a line of standard input.

    Raises:
        Failure: there is no standard input, the password is empty, or it is not UTF-8.
    """
    given = os.environ.get(ADMIN_PASSWORD)
    if given is None:
        given = _read_password()
    if not given:
        raise Failure(f"no password was given: set {ADMIN_PASSWORD}, or write the password to standard input")
    return given


def _read_password() -> str:
    if sys.stdin is None:
        raise Failure(f"there is no standard input: set {ADMIN_PASSWORD}")
    if sys.stdin.isatty():
        # The default lets an empty one through, for the caller to refuse; click would ask again without a word.
        return str(
            click.prompt(
                "Password", default="", show_default=False, hide_input=True, confirmation_prompt=True, err=True
            )
        )
    return _decoded(sys.stdin.buffer.readline(_MAX_PASSWORD_LINE)).rstrip("\r\n")


def _decoded(line: bytes) -> str:
    try:
        return line.decode()
    except UnicodeDecodeError:
        raise Failure("the password on standard input is not valid UTF-8") from None


def why(error: OSError) -> str:
    """What went wrong, in the system's words."""
    return error.strerror or str(error)


def shown(path: str) -> str:
    """A name as it came in, with bytes that are no text escaped."""
    return path.encode(errors="backslashreplace").decode()
