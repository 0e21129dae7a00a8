"""JSON Web Tokens as the documented samples have them: HS256, claims `token_type`, `exp`, `iat`, `jti`, `user_id`."""

import re
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any

from sellout_adapters.extras import naming_extras
from sellout_core.errors import Unauthenticated
from sellout_core.people.accounts import Claims
from sellout_core.values import MAX_ID, Clock, UserId

with naming_extras():
    import jwt

ALGORITHM = "HS256"
MIN_KEY_BYTES = 32
MAX_TOKEN = 4096
CLOCK_SKEW = timedelta(seconds=60)
MOST_KNOWN = 4096
"""Number of cached tokens with a valid signature."""

_JTI = re.compile(r"[0-9a-f]{32}")
_CLAIMS = ["token_type", "exp", "iat", "jti", "user_id"]


class JwtTokens:
    """`ports.Tokens` with one secret key and the shop's own clock.

    A token is good until the second of its `exp`. One issued by a machine whose clock is ahead is good if that is by a
    minute at most (RFC 7519, section 4.1.4, allows for skew).
    """

    def __init__(self, secret_key: str, clock: Clock) -> None:
        """Takes the key, of at least 32 bytes in UTF-8 (RFC 7518, section 3.2), and the clock.

        Raises:
            ValueError: the key is shorter.
        """
        self._key = secret_key.encode()
        if len(self._key) < MIN_KEY_BYTES:
            raise ValueError(f"the secret key must be at least {MIN_KEY_BYTES} bytes long")
        self._clock = clock
        # A valid signature stays valid; a refusal is not cached.
        self._decoded = lru_cache(MOST_KNOWN)(self._decode)
        # Times are checked below against the injected clock, which PyJWT does not know.
        self._options: Any = {"require": _CLAIMS, "verify_exp": False, "verify_iat": False, "verify_nbf": False}

    def sign(self, claims: Claims) -> str:
        """The claims as a token, times in whole seconds."""
        payload = {
            "token_type": claims.token_type,
            "exp": int(claims.expires_at.timestamp()),
            "iat": int(claims.issued_at.timestamp()),
            "jti": claims.jti,
            "user_id": claims.user_id,
        }
        return jwt.encode(payload, self._key, algorithm=ALGORITHM)

    def read(self, token: str) -> Claims:
        """The claims of a token signed with this key.

        Raises:
            Unauthenticated: it is malformed, over 4,096 characters, expired, not yet valid, or signed otherwise.
        """
        if len(token) > MAX_TOKEN:
            raise Unauthenticated
        claims = self._decoded(token)
        now = self._clock()
        if now >= claims.expires_at or now + CLOCK_SKEW < claims.issued_at:
            raise Unauthenticated
        return claims

    def _decode(self, token: str) -> Claims:
        try:
            return self._checked(jwt.decode(token, self._key, algorithms=[ALGORITHM], options=self._options))
        except (jwt.PyJWTError, ValueError, OverflowError, RecursionError):
            raise Unauthenticated from None

    def _checked(self, payload: dict[str, Any]) -> Claims:
        token_type, expires, issued, jti, user_id = (payload[name] for name in _CLAIMS)
        well_formed = (
            token_type in {"access", "refresh"}
            and all(type(number) is int for number in (expires, issued, user_id))
            and 1 <= user_id <= MAX_ID
            and isinstance(jti, str)
            and _JTI.fullmatch(jti) is not None
            and "nbf" not in payload
        )
        if not well_formed:
            raise Unauthenticated
        return Claims(
            token_type,
            datetime.fromtimestamp(issued, UTC),
            datetime.fromtimestamp(expires, UTC),
            jti,
            UserId(user_id),
        )
