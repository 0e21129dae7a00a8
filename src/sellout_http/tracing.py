"""Spans of use cases, by OpenTelemetry's API. Without the package `opentelemetry-api` (extra `telemetry`) there are
none.

A span has the name of the use case's operation, and the type of the error that ended it. It has no value of a request.
"""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any, Final

_NO_SPAN: Final = nullcontext()
_tracer: Any = None
try:
    from opentelemetry.trace import get_tracer
except ModuleNotFoundError:
    pass
else:
    _tracer = get_tracer("sellout")


def use_case_span(name: str) -> AbstractContextManager[None]:
    """A `with` block that runs in a span. `name` is that of the use case."""
    return _NO_SPAN if _tracer is None else _span(name)


@contextmanager
def _span(name: str) -> Iterator[None]:
    # The message of an exception may quote the request.
    with _tracer.start_as_current_span(name, record_exception=False, set_status_on_exception=False) as span:
        try:
            yield
        except Exception as error:
            span.set_attribute("error.type", type(error).__name__)
            raise
