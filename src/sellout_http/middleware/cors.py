"""The rules for scripts of other web origins (CORS, "Fetch" of WHATWG)."""

from collections.abc import Sequence

from litestar.config.cors import CORSConfig


def cors_rules(origins: Sequence[str], pattern: str | None) -> CORSConfig | None:
    """The rules for these origins. None: no script of another origin may read responses.

    Args:
        origins: The web origins. `*` allows all.
        pattern: A regular expression. An origin that matches it as a whole is allowed too.
    """
    if not origins and not pattern:
        return None
    return CORSConfig(
        allow_origins=list(origins),
        allow_origin_regex=pattern,
        allow_methods=["GET", "POST", "PUT", "PATCH", "DELETE"],
        allow_headers=[
            "Authorization",
            "Content-Type",
            "Idempotency-Key",
            "If-Match",
            "Last-Event-ID",
            "X-Cart-Token",
            "X-Request-ID",
        ],
        expose_headers=[
            "ETag",
            "Link",
            "Location",
            "RateLimit",
            "RateLimit-Policy",
            "Retry-After",
            "X-Cart-Token",
            "X-Request-ID",
            "X-Total-Pages",
        ],
        max_age=3600,
    )
