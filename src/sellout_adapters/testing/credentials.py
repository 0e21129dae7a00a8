"""Passwords and tokens of a scene. They use the standard library, so that the laws run with attrs alone.

They are for tests. A shop uses `passwords.Argon2Passwords` and `tokens.JwtTokens`.
"""

import hashlib
import hmac
import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from datetime import UTC, datetime

from sellout_core.errors import Unauthenticated
from sellout_core.people.accounts import Claims
from sellout_core.values import Clock, UserId

__all__ = ["ScenePasswords", "SceneTokens"]


class ScenePasswords:
    """`ports.Passwords` with one pass of PBKDF2. No password counts as common."""

    def hash(self, password: str) -> str:
        """A hash of the password. It has no salt."""
        return hashlib.pbkdf2_hmac("sha256", password.encode(), b"scene", 1).hex()

    def verify(self, password: str, password_hash: str | None) -> bool:
        """Whether the hash is of the password."""
        return hmac.compare_digest(self.hash(password), password_hash or "")

    def is_current(self, password_hash: str) -> bool:  # noqa: ARG002 - one cost for all
        """True: every hash has the same cost."""
        return True

    def is_common(self, password: str) -> bool:  # noqa: ARG002 - no list
        """False: a scene has no list of common passwords."""
        return False


class SceneTokens:
    """`ports.Tokens` as JSON with an HMAC, checked against the injected clock.

    Args:
        secret_key: The key of the HMAC.
        clock: The clock.
    """

    def __init__(self, secret_key: str, clock: Clock) -> None:
        self._key = secret_key.encode()
        self._clock = clock

    def sign(self, claims: Claims) -> str:
        """The claims as a token."""
        times = (claims.issued_at.isoformat(), claims.expires_at.isoformat())
        payload = urlsafe_b64encode(json.dumps([claims.token_type, *times, claims.jti, claims.user_id]).encode())
        return f"{payload.decode()}.{self._signature(payload)}"

    def read(self, token: str) -> Claims:
        """The claims of a token that this key signed.

        Raises:
            Unauthenticated: the token has expired, or was signed with another key.
        """
        payload, _, signature = token.encode("utf-8", "replace").partition(b".")
        if not hmac.compare_digest(self._signature(payload).encode(), signature):
            raise Unauthenticated
        token_type, issued, expires, jti, user_id = json.loads(urlsafe_b64decode(payload))
        expires_at = datetime.fromisoformat(expires).astimezone(UTC)
        if self._clock() >= expires_at:
            raise Unauthenticated
        return Claims(token_type, datetime.fromisoformat(issued).astimezone(UTC), expires_at, jti, UserId(user_id))

    def _signature(self, payload: bytes) -> str:
        return hmac.new(self._key, payload, "sha256").hexdigest()
