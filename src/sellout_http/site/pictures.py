"""Sends the files of pictures, if the shop stores them in a folder."""

from collections.abc import Callable
from typing import Any, Final

import attrs
from litestar import Request
from litestar.response.base import ASGIResponse

from sellout_core.catalogue.pictures import digest_in
from sellout_core.errors import NotFound
from sellout_http.runtime.asgi import LOG_ENTRY, header_values
from sellout_http.runtime.etags import matches_etag
from sellout_http.runtime.executor import Executor, Workload

PATH: Final = "/pictures"

ReadFile = Callable[[str], bytes | None]
"""Returns the content of a picture's file by its name. None: there is no such file."""


@attrs.frozen
class PictureFiles:
    """The route of pictures' files. A name identifies the content, so caches keep a file for a year, the longest time
    that HTTP caches are asked for.
    """

    _read: ReadFile
    _executor: Executor

    async def answer(self, request: Request[Any, Any, Any]) -> ASGIResponse:
        """The file, or a 304 if the client has it.

        Raises:
            NotFound: there is no such file.
            Unavailable: the storage failed.
        """
        scope: Any = request.scope
        name: str = request.path_params["name"]
        content = None
        if digest_in(name) is not None:
            content = await self._executor.run(lambda: self._read(name), Workload.FILE, scope[LOG_ENTRY])
        if content is None:
            raise NotFound
        tag = f'"{name}"'
        headers = {"etag": tag, "cache-control": "public, max-age=31536000, immutable"}
        if matches_etag(tag, header_values(scope["headers"], "if-none-match")):
            return ASGIResponse(status_code=304, headers=headers)
        return ASGIResponse(body=content, media_type="image/webp", headers=headers)

    def routes(self) -> dict[str, Any]:
        """The route by path, for GET."""
        return {f"{PATH}/{{name:str}}": self.answer}
