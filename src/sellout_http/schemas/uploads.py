"""Bodies that are files: what an operation accepts, and what it does with the file before its handler."""

from collections.abc import Callable, Sequence
from typing import Any

import attrs

from sellout_core.picture_errors import UnsupportedPicture


@attrs.frozen(kw_only=True)
class Upload:
    """The file that is the body of an operation.

    Attributes:
        media_types: The accepted values of `Content-Type`.
        max_bytes: The maximum size of the file.
        check: Checks that the caller may upload the file, before it is received. Takes a `ReadContext` and the path's
            ids.
        unsupported: Makes the error of another media type.
        store: Checks and stores the file, outside of a transaction. Takes a `WriteContext`, the file, its media type
            and the path's ids. Returns the handler's argument `body`, which identifies the file.
    """

    media_types: Sequence[str]
    max_bytes: int
    check: Callable[..., None]
    store: Callable[..., Any]
    unsupported: Callable[[], Exception] = UnsupportedPicture

    def media_type(self, content_types: Sequence[str], codings: Sequence[str]) -> str:
        """The media type of a body.

        Args:
            content_types: All values of `Content-Type`.
            codings: All values of `Content-Encoding`.

        Raises:
            UnsupportedPicture: or the error of `unsupported`: it is not accepted, or the body has a content
                encoding.
        """
        sent = [value.strip().lower() for value in content_types]
        coded = any(coding.strip().lower() not in {"", "identity"} for coding in codings)
        if len(sent) != 1 or sent[0] not in self.media_types or coded:
            raise self.unsupported()
        return sent[0]
