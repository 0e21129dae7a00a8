"""Writes the log in a thread, so that a pipe that is not read blocks no request."""

import os
import select
import threading
from collections.abc import Callable, Sequence
from queue import Empty, SimpleQueue
from typing import Final

from sellout_http.runtime.logging import log

_MAX_LINES: Final = 10_000
"""The maximum number of waiting lines. A line has about 300 bytes."""

_PAUSE_SECONDS: Final = 0.02
"""How long lines are collected, so that the thread rarely takes the interpreter from the event loop."""


def _report(lines: int) -> None:
    log.warning("log lines dropped", lines=lines)


class LogStream:
    """A stream whose writes never block. It drops lines that it cannot write, and reports their number when it can
    write again.

    Args:
        descriptor: The file descriptor.
        max_lines: The maximum number of waiting lines.
        report: Logs the number of dropped lines.
    """

    def __init__(self, descriptor: int, max_lines: int = _MAX_LINES, report: Callable[[int], None] = _report) -> None:
        self._descriptor = descriptor
        self._writable = select.poll()
        self._writable.register(descriptor, select.POLLOUT)
        self._max_lines = max_lines
        self._report = report
        self._begin()
        # A forked process has no thread. The waiting lines are its parent's.
        os.register_at_fork(after_in_child=self._begin)

    def _begin(self) -> None:
        self._lines: SimpleQueue[str | bytes | threading.Event] = SimpleQueue()
        self._lock = threading.Lock()
        self._dropped = 0
        self._writer: threading.Thread | None = None

    @property
    def buffer(self) -> "LogStream":
        """The byte stream: this stream takes text and bytes."""
        return self

    def write(self, line: str | bytes) -> int:
        """Queues a line for the thread, or drops it."""
        # The thread's own line, the report, is never dropped.
        if self._lines.qsize() >= self._max_lines and threading.current_thread() is not self._writer:
            with self._lock:
                self._dropped += 1
        else:
            self._lines.put(line)
            if self._writer is None:
                self._start()
        return len(line)

    def flush(self) -> None:
        """Does nothing: the thread writes soon."""

    def drain(self, seconds: float) -> None:
        """Waits until all lines are written, at most that many seconds."""
        if self._writer is not None:
            written = threading.Event()
            self._lines.put(written)
            written.wait(seconds)

    def _start(self) -> None:
        with self._lock:
            if self._writer is None:
                self._writer = threading.Thread(target=self._write_lines, name="log", daemon=True)
                self._writer.start()

    def _write_lines(self) -> None:
        pause = threading.Event()
        while True:
            lines, drained = self._next_lines()
            if lines:
                self._write(lines)
            if drained is not None:
                drained.set()
            pause.wait(_PAUSE_SECONDS)

    def _next_lines(self) -> tuple[list[bytes], threading.Event | None]:
        """The queued lines up to the next call of `drain`, and the event of that call."""
        lines: list[bytes] = []
        item = self._lines.get()
        while not isinstance(item, threading.Event):
            lines.append(item if isinstance(item, bytes) else item.encode(errors="backslashreplace"))
            try:
                item = self._lines.get_nowait()
            except Empty:
                return lines, None
        return lines, item

    def _write(self, lines: Sequence[bytes]) -> None:
        """Writes to the descriptor, not to a buffer, because Python would wait for a buffer's lock at its end."""
        left = b"".join(lines)
        try:
            while left:
                try:
                    left = left[os.write(self._descriptor, left) :]
                except BlockingIOError:  # another process may have set O_NONBLOCK on the stream
                    self._writable.poll()
        except OSError:
            with self._lock:
                self._dropped += len(lines)
            return
        with self._lock:
            dropped, self._dropped = self._dropped, 0
        if dropped:
            self._report(dropped)


STDERR: Final = LogStream(2)
"""The stream of the process's log."""
