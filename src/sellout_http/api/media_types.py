"""The choice of a document's media type by the `Accept` header (RFC 9110, section 12.5.1)."""

import re
from collections.abc import Iterator, Sequence
from typing import Final

from sellout_http.problems.details import Refused

JSON: Final = "application/json"
_QUALITY: Final = re.compile(r"q=(0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?)")
_NAME: Final = r"[!#$%&'*+.^_`|~0-9a-z-]+"
_RANGE: Final = re.compile(f"{_NAME}/{_NAME}")


def preferred(offered: Sequence[str], accepted: Sequence[str]) -> str:
    """The media type that a client prefers. Of equal ones, the first that is offered. Malformed ranges are ignored.

    Args:
        offered: The media types of the document.
        accepted: All values of the header `Accept`. Without a range, every type is welcome.

    Raises:
        Refused: the client accepts none of them.
    """
    ranges = dict(_ranges(accepted)) or {"*/*": 1}

    def quality(media_type: str) -> float:
        kind = media_type.partition("/")[0]
        return next((ranges[name] for name in (media_type, f"{kind}/*", "*/*") if name in ranges), 0)

    best = max(offered, key=quality)
    if not quality(best):
        raise Refused("not_acceptable")
    return best


def _ranges(accepted: Sequence[str]) -> Iterator[tuple[str, float]]:
    """Each well-formed range, and its quality."""
    for sent in ",".join(accepted).lower().split(","):
        media_range, *parameters = (part.strip() for part in sent.split(";"))
        qualities = [parameter for parameter in parameters if parameter.startswith("q=")]
        matched = _QUALITY.fullmatch(qualities[0] if qualities else "q=1")
        if matched is not None and _RANGE.fullmatch(media_range):
            yield media_range, float(matched[1])
