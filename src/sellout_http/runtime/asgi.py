"""The types of ASGI, the keys that the middleware adds to the scope of a request, and a function that reads headers."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final

# The loose types of ASGI. Litestar's types exclude other keys and messages.
Scope = dict[str, Any]

Message = dict[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]

Headers = Sequence[tuple[bytes, bytes]]
"""The raw headers of a scope or a message."""

PREFIX: Final = "sellout.prefix"
"""The scope's key for the API prefix of the path: `/api/v1`, or empty."""

WITHOUT_BODY: Final = "sellout.without_body"
"""A key that only the scope of a HEAD request has. The response has no body."""

LOG_ENTRY: Final = "sellout.log_entry"
"""The scope's key for the request's `RequestLogEntry` (`runtime.logging`)."""

CLIENT: Final = "sellout.client"
"""The scope's key for the request's `Client` (`middleware.forwarded_headers`)."""


def header_values(headers: Headers, name: str) -> list[str]:
    """All values of a header, in order.

    Args:
        headers: The headers to search.
        name: The header's name in lower case.
    """
    wanted, values = name.encode(), []
    for key, value in headers:
        if key.lower() == wanted:
            values.append(value.decode("latin-1"))
    return values
