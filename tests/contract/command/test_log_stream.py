"""The log of a served shop: no request waits for it, and dropped lines are counted."""

import os
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from sellout_http.server.log_stream import LogStream
from tests.contract.support.command import start_command
from tests.servers.ports import free_port


class Pipe:
    """A full pipe: writers wait until it is read."""

    def __init__(self) -> None:
        self.reading, self.writing = os.pipe()
        os.set_blocking(self.writing, False)
        self.filled = 0
        try:
            while True:
                self.filled += os.write(self.writing, b"-" * 4096)
        except BlockingIOError:
            os.set_blocking(self.writing, True)

    def read_until(self, end: bytes) -> bytes:
        """Reads up to a line with this text. Returns what was written after the pipe was full."""
        written = b""
        while end not in written or not written.endswith(b"\n"):
            written += os.read(self.reading, 65_536)
        return written[self.filled :]


@pytest.fixture
def pipe() -> Iterator[Pipe]:
    opened = Pipe()
    yield opened
    os.close(opened.writing)
    os.close(opened.reading)


def test_unread_lines_are_dropped_and_counted(pipe: Pipe) -> None:
    def report(lines: int) -> None:
        stream.write(f"dropped {lines}\n")

    stream = LogStream(pipe.writing, max_lines=5, report=report)
    for number in range(100):
        stream.buffer.write(b"%d\n" % number)
    lines = pipe.read_until(b"dropped").decode().split()
    kept = lines[: lines.index("dropped")]
    assert 5 <= len(kept) < 100
    assert kept == [str(number) for number in range(100) if str(number) in kept]
    assert int(lines[-1]) == 100 - len(kept)


def test_a_stream_that_does_not_block_gets_every_line(pipe: Pipe) -> None:
    """Another process that shares the stream may have set O_NONBLOCK."""
    os.set_blocking(pipe.writing, False)
    stream = LogStream(pipe.writing, report=lambda lines: pytest.fail(f"{lines} lines dropped"))
    for number in range(1000):
        stream.write(f"line {number}\n")
    assert pipe.read_until(b"line 999").split(b"\n")[:-1] == [b"line %d" % number for number in range(1000)]


def test_what_waits_is_written_before_the_end(pipe: Pipe) -> None:
    stream = LogStream(pipe.writing)
    stream.write("line\n")
    stream.drain(0)
    assert pipe.read_until(b"line") == b"line\n"
    stream.write("line\n")
    stream.drain(60)
    assert os.read(pipe.reading, 65_536) == b"line\n"


def test_an_unread_log_stops_no_request(tmp_path: Path, pipe: Pipe) -> None:
    """The server also stops."""
    port = free_port()
    process = start_command(tmp_path, "serve", "--port", str(port), stderr=pipe.writing)
    try:
        assert process.stdout is not None
        while b"Database" not in process.stdout.readline():
            pass
        with httpx2.Client(base_url=f"http://127.0.0.1:{port}", timeout=60) as client:
            assert [client.get("/product/all/1").status_code for _ in range(20)] == [200] * 20
        process.terminate()
        process.communicate(timeout=60)
        assert process.returncode == 0
    finally:
        process.kill()
