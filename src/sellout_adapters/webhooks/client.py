"""The client of webhooks. It connects to addresses that it has checked, and to no other ones."""

import asyncio
import socket
from collections.abc import Awaitable, Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from ssl import SSLContext
from types import TracebackType
from typing import Any, Final, Self

from sellout_adapters.extras import naming_extras
from sellout_adapters.webhooks.signing import signed_headers
from sellout_core.events.addresses import is_public
from sellout_core.events.event import Event, document_of, encoded
from sellout_core.events.subscriptions import MAX_SUBSCRIPTIONS, Subscription
from sellout_core.values import Clock

with naming_extras():
    import httpcore2

__all__ = ["Resolve", "WebhookClient", "system_addresses"]

Resolve = Callable[[str, int], Awaitable[Sequence[str]]]
"""Returns the IP addresses of a host, as texts."""

_MOST: Final = 16 * 1024
"""The maximum size of a response that is read so that its connection can be used again, in bytes."""

_KEPT_SECONDS: Final = 15
"""How long a connection without a request stays open."""

_MAX_POOLS: Final = 2 * MAX_SUBSCRIPTIONS
"""The number of origins above which connections without a request are closed."""

_LOOK_UPS: Final = 32
"""The maximum number of names that are looked up at once."""


class _PrivateAddress(Exception):
    """A host has an address of a private network."""


class _UnknownHost(Exception):
    """A host has no address."""


class WebhookClient:
    """Sends events. Use it as an asynchronous context manager, in one event loop.

    Args:
        clock: Returns the time.
        seconds: The maximum time of a request.
        allow_private: Whether it connects to private networks.
        resolve: Looks a host up. Default: the system does.
        tls: The TLS settings. Default: those of the system, which verify the host's name.
    """

    def __init__(
        self,
        clock: Clock,
        seconds: float = 10,
        *,
        allow_private: bool = False,
        resolve: Resolve | None = None,
        tls: SSLContext | None = None,
    ) -> None:
        self._clock = clock
        self._seconds = seconds
        self._look_ups = ThreadPoolExecutor(_LOOK_UPS, "look-up")
        self._tls = tls or httpcore2.default_ssl_context()
        self._backend = _CheckedBackend(resolve or system_addresses(self._look_ups), allow_private=allow_private)
        self._pools: dict[tuple[bytes, bytes, int | None], httpcore2.AsyncConnectionPool] = {}

    async def __aenter__(self) -> Self:
        """Opens no connection yet."""
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Closes all connections. It does not wait for look-ups, but the end of the process does."""
        for pool in self._pools.values():
            await pool.aclose()
        self._look_ups.shutdown(wait=False, cancel_futures=True)

    async def send(self, subscription: Subscription, event: Event) -> str | None:
        """Sends an event to the address of a webhook. Returns the reason of a failure, or None after a success: a
        status from 200 to 299. Redirects are not followed.
        """
        try:
            async with asyncio.timeout(self._seconds):
                status = await self._post(subscription, event)
        except TimeoutError:
            return f"no response within {self._seconds:g} seconds"
        except _PrivateAddress:
            return "the address leads to a private network"
        except _UnknownHost:
            return "the host has no address"
        except Exception as error:  # noqa: BLE001 - each error is a failure of the subscriber
            return f"the connection failed: {type(error).__name__}"
        if 200 <= status < 300:
            return None
        return f"HTTP {status}" + (": redirects are not followed" if 300 <= status < 400 else "")

    async def _post(self, subscription: Subscription, event: Event) -> int:
        """Sends the request and returns the status. The rest of a long response is not read."""
        content = encoded(document_of(event))
        url = httpcore2.URL(subscription.url or "")
        now = self._clock()
        headers = {
            "Host": _authority(url),
            "Content-Type": "application/json",
            "Content-Length": str(len(content)),
            "User-Agent": "SellOut",
            **signed_headers(subscription.keys(now), str(event.id), now, content),
        }
        pool = await self._pool_of(url)
        async with pool.stream("POST", url, headers=list(headers.items()), content=content) as response:
            left = _MOST
            async for chunk in response.aiter_stream():
                left -= len(chunk)
                if left < 0:
                    break
            return int(response.status)

    async def _pool_of(self, url: httpcore2.URL) -> httpcore2.AsyncConnectionPool:
        """The connections to the origin of a URL. A pool looks at all its connections for each request, so a common one
        would be slow. Its subscriptions limit their number.
        """
        origin = url.scheme, url.host, url.port
        if origin not in self._pools:
            if len(self._pools) >= _MAX_POOLS:
                await self._close_unused()
            self._pools[origin] = httpcore2.AsyncConnectionPool(
                self._tls, max_connections=None, keepalive_expiry=_KEPT_SECONDS, network_backend=self._backend
            )
        return self._pools[origin]

    async def _close_unused(self) -> None:
        """Closes the pools without a request: the addresses of webhooks may have changed."""
        for origin, pool in list(self._pools.items()):
            if all(connection.is_idle() for connection in pool.connections):
                del self._pools[origin]
                await pool.aclose()


class _CheckedBackend(httpcore2.AsyncNetworkBackend):
    """Looks a host up once for each connection, checks all its addresses, and connects to one of them."""

    def __init__(self, resolve: Resolve, *, allow_private: bool) -> None:
        self._resolve = resolve
        self._allow_private = allow_private
        self._backend = httpcore2.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - the backend's signature
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        """Connects to the first address that accepts.

        Raises:
            _PrivateAddress, _UnknownHost: it does not connect.
        """
        addresses = list(dict.fromkeys(await self._resolve(host, port)))
        if not addresses:
            raise _UnknownHost
        if not self._allow_private and not all(map(is_public, addresses)):
            raise _PrivateAddress
        *first, last = addresses
        for address in first:
            try:
                return await self._backend.connect_tcp(address, port, timeout, local_address, socket_options)
            except httpcore2.ConnectError:
                pass
        return await self._backend.connect_tcp(last, port, timeout, local_address, socket_options)


def system_addresses(threads: ThreadPoolExecutor) -> Resolve:
    """Looks hosts up as the system does, in threads."""

    async def resolve(host: str, port: int) -> Sequence[str]:
        def look_up() -> Sequence[str]:
            try:
                found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
            except (OSError, UnicodeError):
                return ()
            return [str(address[0]) for *_, address in found]

        return await asyncio.get_running_loop().run_in_executor(threads, look_up)

    return resolve


def _authority(url: httpcore2.URL) -> str:
    host = url.host.decode()
    bracketed = f"[{host}]" if ":" in host else host
    return bracketed if url.port is None else f"{bracketed}:{url.port}"
