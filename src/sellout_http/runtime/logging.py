"""The log: one line for each request, and errors. No line contains text that a client sent."""

import logging
import traceback
from collections.abc import Iterator
from contextlib import suppress
from typing import Any, Final, Literal, Protocol

import attrs
import msgspec
import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from sellout_http.runtime.asgi import LOG_ENTRY

Style = Literal["json", "text"]

log: Final = structlog.get_logger()
"""The log of everything but requests."""

# Errors of the database (PEP 249), and `CannotOpen`. Their messages contain no text of a client.
_LOGGED_MESSAGES: Final = {"OperationalError", "InterfaceError", "CannotOpen"}


@attrs.define
class RequestLogEntry:
    """The values of a request's line, collected while the request is processed.

    Attributes:
        client: The network of the client. Empty: it is unknown. It is not logged: it limits the client's share of the
            threads.
    """

    request_id: str
    client: str = ""
    route: str | None = None
    user_id: int | None = None
    statements: int = 0

    def add_statements(self, statements: int) -> None:
        """Adds the number of statements that were sent for the request."""
        self.statements += statements


class RequestLog(Protocol):
    """Writes the lines of requests."""

    def info(self, event: str, **members: Any) -> Any:
        """Writes one line."""


class _TolerantStream:
    """A stream that ignores write errors: a full disk or a closed pipe must not fail a request."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream

    def write(self, text: Any) -> None:
        """Writes the text, or drops it after an error."""
        with suppress(OSError):
            self._stream.write(text)

    def flush(self) -> None:
        """Flushes the stream. Ignores an error."""
        with suppress(OSError):
            self._stream.flush()


class LogTarget(Protocol):
    """A text stream over a byte stream, such as `sys.stderr`."""

    @property
    def buffer(self) -> Any:
        """The byte stream."""


def configure(style: Style, stream: LogTarget) -> RequestLog:
    """Sends the log to a stream: one JSON document a line, or text for a terminal. Returns the log of requests."""
    tolerant: Any = _TolerantStream(stream.buffer if style == "json" else stream)
    factory: Any = structlog.BytesLoggerFactory(tolerant) if style == "json" else structlog.WriteLoggerFactory(tolerant)
    structlog.configure(
        processors=[*_SHARED, _renderer(style)],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=factory,
        cache_logger_on_first_use=False,
    )
    bound: RequestLog = structlog.get_logger().bind()
    return bound


def formatter(style: Style) -> logging.Formatter:
    """A formatter for the standard library's logging in the same style."""
    return structlog.stdlib.ProcessorFormatter(
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, _as_text(_renderer(style))],
        foreign_pre_chain=_SHARED,
    )


def fields(scope: Any) -> dict[str, Any]:
    """The members of a line that identify a request."""
    entry: RequestLogEntry | None = scope.get(LOG_ENTRY)
    return {} if entry is None else {"request_id": entry.request_id, "route": entry.route}


def described(error: BaseException) -> str:
    """The types and tracebacks of an error and its causes. Only messages of the database and the operating system are
    included, because other messages may contain text of a client.
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
    logged = any(base.__name__ in _LOGGED_MESSAGES for base in type(error).__mro__)
    return ": " + str(error).partition("\n")[0] if logged else ""


def with_description(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    """A structlog processor that replaces an exception by its `described` text."""
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
