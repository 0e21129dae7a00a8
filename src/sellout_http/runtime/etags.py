"""Entity tags (RFC 9110, section 8.8.3)."""

import hashlib
from collections.abc import Sequence


def etag_of(content: bytes) -> str:
    """The strong entity tag of content, equal for equal bytes in every process."""
    return f'"{hashlib.blake2b(content, digest_size=16).hexdigest()}"'


def matches_etag(etag: str, sent: Sequence[str]) -> bool:
    """Whether an `If-None-Match` or `If-Match` header names the entity tag (RFC 9110, section 13.1).

    Args:
        etag: The strong entity tag, with its quotes.
        sent: All values of the header.
    """
    # A substring search suffices, because a tag ends with a quote. Parsing thousands of tags would take longer.
    return any(etag in line or line.strip() == "*" for line in sent)
