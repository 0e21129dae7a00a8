"""What the operator reads: a line for each request, and what went wrong. Nothing that people sent stands in it."""

import logging
import traceback
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any, Final, Literal, Protocol, TextIO

import attrs
import msgspec
import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

Style = Literal["json", "text"]

ENTRY: Final = "sellout.entry"
"""The key of a request's scope under which its `Entry` stands."""

log: Final = structlog.get_logger()
"""For everything but requests' lines."""

# Errors of the database's own doing (PEP 249, and ours when it cannot be used), which say nothing of what people sent.
_TELLING: Final = {"OperationalError", "InterfaceError", "CannotOpen"}


@attrs.define
class Entry:
    """What is known of a request while it is answered, to be written when it has been."""

    request_id: str
    route: str | None = None
    user_id: int | None = None
    statements: int = 0

    def count(self, statements: int) -> None:
        """Counts statements that the store was asked for it."""
        self.statements += statements


class RequestLog(Protocol):
    """Writes requests' lines."""

    def info(self, event: str, **members: Any) -> Any:
        """Writes one."""


class _Steady:
    """A stream that takes what it can: a full disk or a reader that went away is no reason to refuse a request."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream

    def write(self, text: Any) -> None:
        """Writes, if that is possible."""
        with suppress(OSError):
            self._stream.write(text)

    def flush(self) -> None:
        """Passes on what was written, if that is possible."""
        with suppress(OSError):
            self._stream.flush()


class _JsonLines:
    """Requests' lines as structlog would write them, in a third of the time."""

    def __init__(self, stream: _Steady) -> None:
        self._stream = stream
        self._encode = msgspec.json.Encoder().encode

    def info(self, event: str, **members: Any) -> None:
        """Writes one."""
        timestamp = datetime.now(UTC).isoformat().replace("+00:00", "Z")
        line = self._encode({**members, "event": event, "level": "info", "timestamp": timestamp})
        self._stream.write(line + b"\n")
        self._stream.flush()


def configure(style: Style, stream: TextIO) -> RequestLog:
    """Sends everything that is logged to a stream: a JSON document a line, or lines to be read on a terminal."""
    steady: Any = _Steady(stream.buffer if style == "json" else stream)
    factory: Any = structlog.BytesLoggerFactory(steady) if style == "json" else structlog.PrintLoggerFactory(steady)
    structlog.configure(
        processors=[*_SHARED, _renderer(style)],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=factory,
        cache_logger_on_first_use=False,
    )
    if style == "json":
        return _JsonLines(steady)
    bound: RequestLog = structlog.get_logger().bind()
    return bound


def formatter(style: Style) -> logging.Formatter:
    """The same for what comes through the standard library's logging."""
    return structlog.stdlib.ProcessorFormatter(
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, _as_text(_renderer(style))],
        foreign_pre_chain=_SHARED,
    )


def fields(scope: Any) -> dict[str, Any]:
    """What a line about a request has to say of it."""
    entry: Entry | None = scope.get(ENTRY)
    return {} if entry is None else {"request_id": entry.request_id, "route": entry.route}


def described(error: BaseException) -> str:
    """Where an error came from, and what led to it: types and places. Messages may hold what people sent, so they
    stand only where the database or the system complains of itself.
    """
    return "\n".join(_lines(error))


def _lines(error: BaseException) -> Iterator[str]:
    seen: set[int] = set()
    current: BaseException | None = error
    while current is not None and id(current) not in seen:
        seen.add(id(current))
        kind = type(current)
        yield f"{kind.__module__}.{kind.__qualname__}{_message(current)}"
        yield from (line.rstrip("\n") for line in traceback.format_tb(current.__traceback__))
        current = current.__cause__ or (None if current.__suppress_context__ else current.__context__)
        if current is not None:
            yield "caused by"


def _message(error: BaseException) -> str:
    if isinstance(error, OSError):
        return f": {error.strerror}" if error.strerror else ""
    telling = any(base.__name__ in _TELLING for base in type(error).__mro__)
    return ": " + str(error).partition("\n")[0] if telling else ""


def with_description(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    """Says of an error what `described` does; for structlog."""
    error = event.pop("exc_info", None)
    if isinstance(error, tuple):
        error = error[1]
    if isinstance(error, BaseException):
        event["exception"] = described(error)
    return event


_SHARED: Final[list[Processor]] = [
    structlog.processors.add_log_level,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
    with_description,
]


def _renderer(style: Style) -> Processor:
    if style == "text":
        return structlog.dev.ConsoleRenderer(colors=False)
    return structlog.processors.JSONRenderer(serializer=_json)


def _json(event: EventDict, **_: Any) -> bytes:
    return msgspec.json.encode(event)


def _as_text(renderer: Processor) -> Processor:
    def rendered(logger: WrappedLogger, name: str, event: EventDict) -> Any:
        line = renderer(logger, name, event)
        return line.decode() if isinstance(line, bytes) else line

    return rendered
