"""Passwords, tokens and one-time codes of a scene. They use the standard library, so that the laws run with attrs
alone.

They are for tests. A shop uses `passwords.Argon2Passwords`, `tokens.JwtTokens` and `one_time_codes.TotpCodes`.
"""

import hashlib
import hmac
import json
from base64 import b32decode, b32encode, urlsafe_b64decode, urlsafe_b64encode
from datetime import UTC, datetime
from itertools import count

from sellout_core.errors import Unauthenticated
from sellout_core.people.accounts import Claims
from sellout_core.values import Clock, UserId

__all__ = ["SceneCodes", "ScenePasswords", "SceneTokens", "code_at"]


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


class SceneCodes:
    """`ports.OneTimeCodes`. Its secrets are the same in every scene, so that no code is that of two steps by chance."""

    def __init__(self) -> None:
        self._numbers = count(1)

    def new_secret(self) -> str:
        """The next secret, of 160 bits in base32."""
        return b32encode(hashlib.sha256(b"secret %d" % next(self._numbers)).digest()[:20]).decode()

    def step_of(self, code: str, secret: str, now: datetime) -> int | None:
        """The time step of a code: that of `now`, or the one before or after it."""
        step = _step_at(now)
        return next((each for each in (step - 1, step, step + 1) if _code_of(secret, each) == code), None)

    def uri(self, secret: str, username: str) -> str:
        """A URI with the secret and the username."""
        return f"otpauth://totp/{username}?secret={secret}"


def code_at(secret: str, now: datetime) -> str:
    """The code that an authenticator app shows at this time (RFC 6238)."""
    return _code_of(secret, _step_at(now))


def _step_at(now: datetime) -> int:
    return int(now.timestamp()) // 30


def _code_of(secret: str, step: int) -> str:
    """The code of a time step (RFC 4226, section 5.3)."""
    digest = hmac.digest(b32decode(secret), step.to_bytes(8), "sha1")
    start = digest[-1] & 15
    number = int.from_bytes(digest[start : start + 4]) & 0x7FFFFFFF
    return f"{number % 1_000_000:06}"
