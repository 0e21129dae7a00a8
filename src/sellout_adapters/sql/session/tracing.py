"""Spans of statements, by OpenTelemetry's API. Without the package `opentelemetry-api` (extra `telemetry`) there are
none.

A span has the SQL with its placeholders, and the type of the error that ended it. It has no parameters. (OpenTelemetry,
"Semantic Conventions for Database Client Spans".)
"""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any, Final

_NO_SPAN: Final = nullcontext()
_tracer: Any = None
_options: dict[str, Any] = {}
try:
    from opentelemetry.trace import SpanKind, get_tracer
except ModuleNotFoundError:
    pass
else:
    _tracer = get_tracer("sellout")
    # The message of an exception may quote the parameters.
    _options = {"kind": SpanKind.CLIENT, "record_exception": False, "set_status_on_exception": False}


def statement_span(system: str, sql: Callable[[], str]) -> AbstractContextManager[None]:
    """A `with` block that runs a statement in a span.

    Args:
        system: `sqlite` or `postgresql`.
        sql: Returns the SQL. It is called if the span is recorded.
    """
    return _NO_SPAN if _tracer is None else _span(system, sql)


@contextmanager
def _span(system: str, sql: Callable[[], str]) -> Iterator[None]:
    with _tracer.start_as_current_span("statement", **_options) as span:
        if span.is_recording():
            text = sql()
            span.update_name(text.split(maxsplit=1)[0])
            span.set_attributes({"db.system.name": system, "db.query.text": text})
        try:
            yield
        except Exception as error:
            span.set_attribute("error.type", type(error).__name__)
            raise
