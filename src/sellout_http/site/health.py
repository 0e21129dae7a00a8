"""What a load balancer asks: is this process alive, and should it be sent requests."""

import asyncio
from collections.abc import Callable, Mapping
from typing import Any, Final

from litestar import Request
from litestar.response.base import ASGIResponse

from sellout_core.errors import Unavailable
from sellout_http.runtime.executor import ThreadPool
from sellout_http.runtime.logging import log

AnyRequest = Request[Any, Any, Any]

_HEADERS: Final = {"cache-control": "no-store"}


class Health:
    """Whether requests should come here.

    Args:
        check: Raises `Unavailable` if the store cannot be used; `SqlStore.check` does. None: it always can.
    """

    def __init__(self, check: Callable[[], None] | None = None) -> None:
        self._check = check
        self._worker = ThreadPool("health", 1)
        self._checking: asyncio.Future[None] | None = None
        self._was_ready = True
        self._draining = False

    def drain(self) -> None:
        """From now on it is not ready, so that new requests go elsewhere while those in hand are answered."""
        self._draining = True

    async def live(self, request: AnyRequest) -> ASGIResponse:  # noqa: ARG002 - every page takes the request
        """That the process answers, whatever the database does: restarting it would not help there."""
        return _fine()

    async def ready(self, request: AnyRequest) -> ASGIResponse:  # noqa: ARG002 - every page takes the request
        """That the store answers and has the current schema. Many who ask at once cause one check.

        Raises:
            Unavailable: it does not or has not, or the process is about to end.
        """
        if self._draining:
            raise Unavailable
        if self._check is not None:
            await self._checked(self._check)
        return _fine()

    async def _checked(self, check: Callable[[], None]) -> None:
        if self._checking is None or self._checking.done():
            self._checking = asyncio.ensure_future(self._worker.run(check))
        try:
            # One of those who wait may go away without taking the answer from the rest.
            await asyncio.shield(self._checking)
        except Unavailable as error:
            if self._was_ready:
                log.warning("not ready: the database cannot be used", exc_info=error)
            self._was_ready = False
            raise Unavailable from None
        self._was_ready = True

    def close(self) -> None:
        """Ends the thread that checks."""
        self._worker.close()

    def routes(self) -> Mapping[str, Any]:
        """The pages by path; all of them answer GET."""
        return {"/livez": self.live, "/readyz": self.ready}


def _fine() -> ASGIResponse:
    return ASGIResponse(body=b'{"status":"ok"}', media_type="application/json", headers=_HEADERS)
