"""The settings of Litestar's middleware for CORS."""

from collections.abc import Sequence

from litestar.config.cors import CORSConfig


def cors_config(origins: Sequence[str], pattern: str | None) -> CORSConfig:
    """What scripts of those origins, or of origins that match the pattern as a whole, may send and read."""
    return CORSConfig(
        allow_origins=list(origins),
        allow_origin_regex=pattern,
        allow_methods=["GET", "POST", "PUT", "PATCH", "DELETE"],
        allow_headers=[
            "Authorization",
            "Content-Type",
            "Idempotency-Key",
            "If-Match",
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
