"""Entity tags (RFC 9110, section 8.8.3)."""

from collections.abc import Sequence


def matches_etag(etag: str, if_none_match: Sequence[str]) -> bool:
    """Whether an `If-None-Match` header names the entity tag (RFC 9110, section 13.1.2).

    Args:
        etag: The strong entity tag, with its quotes.
        if_none_match: The header's values, one for each line that has it.
    """
    sent = [tag.strip() for line in if_none_match for tag in line.split(",")]
    return "*" in sent or any(tag.removeprefix("W/") == etag for tag in sent)
