"""Files, streams, progress bars and prompts of the commands, and the errors that end them."""

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
    """An argument, a setting or a file is wrong. The message is one line for stderr."""

    exit_code = 2


class Refusal(Failure):
    """The shop refused the command, or only a part of it was done."""

    exit_code = 1


class Interrupted(Failure):
    """The command was stopped. The exit code is 128 plus the number of SIGINT, as in shells."""

    exit_code = 130


@contextmanager
def reading(file: str) -> Iterator[BinaryIO]:
    """A file to read. `-` is standard input.

    Raises:
        Failure: the file cannot be opened.
    """
    if file == "-":
        if sys.stdin is None:
            raise Failure("there is no standard input")
        yield sys.stdin.buffer
        return
    try:
        stream = Path(file).open("rb")  # noqa: SIM115 - the `with` below closes it
    except OSError as error:
        raise Failure(f"cannot read {escaped(file)}: {reason_of(error)}") from None
    with stream:
        yield stream


@contextmanager
def writing(file: str | None) -> Iterator[BinaryIO]:
    """A file to write. None and `-` are standard output. The file gets its name when it is complete.

    Raises:
        Failure: the file cannot be written.
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
        raise Failure(f"cannot write {escaped(file)}: {reason_of(error)}") from None


@contextmanager
def _replacing(target: Path) -> Iterator[BinaryIO]:
    """A file that replaces the target when it is complete. A device or a pipe is written directly."""
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
    """A function that takes the number of bytes read since its last call. On a terminal it shows a progress bar."""
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
    """A function that takes the done and the total amount of work. On a terminal it shows a progress bar."""
    if sys.stderr is None or not sys.stderr.isatty():
        yield lambda _done, _total: None
        return
    from rich.console import Console  # noqa: PLC0415 - slow to import, and seldom needed
    from rich.progress import Progress  # noqa: PLC0415 - as above

    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(title, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


def read_password() -> str:
    """A new password: from its variable, or from two equal prompts on a terminal, or from a line of standard input.

    Raises:
        Failure: there is no standard input, the password is empty, or it is not UTF-8.
    """
    given = os.environ.get(ADMIN_PASSWORD)
    if given is None:
        given = _read_standard_input()
    if not given:
        raise Failure(f"no password was given: set {ADMIN_PASSWORD}, or write the password to standard input")
    return given


def _read_standard_input() -> str:
    if sys.stdin is None:
        raise Failure(f"there is no standard input: set {ADMIN_PASSWORD}")
    if sys.stdin.isatty():
        # With a default, click accepts an empty password, which the caller refuses. Otherwise it would prompt again.
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


def reason_of(error: OSError) -> str:
    """The operating system's message for an error."""
    return error.strerror or str(error)


def escaped(name: str) -> str:
    """A name from the command line, with bytes escaped that are not UTF-8."""
    return name.encode(errors="backslashreplace").decode()
