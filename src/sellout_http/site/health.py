"""The health checks for load balancers: `/livez` and `/readyz`."""

import asyncio
from collections.abc import Callable, Mapping
from typing import Any, Final

from litestar import Request
from litestar.response.base import ASGIResponse

from sellout_core.errors import Unavailable
from sellout_http.runtime.logging import log
from sellout_http.runtime.threads import ThreadPool

AnyRequest = Request[Any, Any, Any]
_HEADERS: Final = {"cache-control": "no-store"}


class Health:
    """The state of a process: alive, and ready for requests or not.

    Args:
        check: Raises `Unavailable` if the store cannot be used (`ServedStore.check`). None: it always can.
    """

    def __init__(self, check: Callable[[], None] | None = None) -> None:
        self._check = check
        self._worker = ThreadPool("health", 1)
        self._checking: asyncio.Future[None] | None = None
        self._was_ready = True
        self._draining = False

    def drain(self) -> None:
        """Makes the process not ready from now on, so that load balancers send new requests to other processes."""
        self._draining = True

    @property
    def is_draining(self) -> bool:
        """Whether the process shuts down."""
        return self._draining

    async def live(self, request: AnyRequest) -> ASGIResponse:  # noqa: ARG002 - every page takes the request
        """200 while the process runs, also while the database is unreachable: a restart would not help."""
        return _ok()

    async def ready(self, request: AnyRequest) -> ASGIResponse:  # noqa: ARG002 - every page takes the request
        """200 while the store can be used. Concurrent requests share one check.

        Raises:
            Unavailable: the store cannot be used, or the process shuts down.
        """
        if self._draining:
            raise Unavailable
        if self._check is not None:
            await self._checked(self._check)
        return _ok()

    async def _checked(self, check: Callable[[], None]) -> None:
        if self._checking is None or self._checking.done():
            self._checking = asyncio.ensure_future(self._worker.run(check))
        try:
            # If one request is cancelled, the others still wait for the check.
            await asyncio.shield(self._checking)
        except Unavailable as error:
            if self._was_ready:
                log.warning("not ready: the database cannot be used", exc_info=error)
            self._was_ready = False
            raise Unavailable from None
        self._was_ready = True

    def close(self) -> None:
        """Ends the thread of the check."""
        self._worker.close()

    def routes(self) -> Mapping[str, Any]:
        """The pages by path, for GET."""
        return {"/livez": self.live, "/readyz": self.ready}


def _ok() -> ASGIResponse:
    return ASGIResponse(body=b'{"status":"ok"}', media_type="application/json", headers=_HEADERS)
