"""The types of ASGI, and the keys that the middleware adds to a request's scope."""

from collections.abc import Awaitable, Callable
from typing import Any, Final

# ASGI's own loose types: the framework's know only the keys and events of its own servers.
Scope = dict[str, Any]

Message = dict[str, Any]

Receive = Callable[[], Awaitable[Message]]

Send = Callable[[Message], Awaitable[None]]

Application = Callable[[Scope, Receive, Send], Awaitable[None]]

PREFIX: Final = "sellout.prefix"
"""The key of the request's scope under which the prefix stands that the path came with, perhaps empty."""

BODILESS: Final = "sellout.bodiless"
"""A key of the scope of those requests of whose answer nobody wants the body."""

CLIENT: Final = "sellout.client"
"""The key of a request's scope under which the `Client` stands (`middleware.forwarded_headers`)."""
