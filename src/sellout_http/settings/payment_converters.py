"""Converters of the settings of payments. Each raises ValueError, whose message follows the name of the setting."""

import re
from typing import Any, Final, Literal, cast, get_args
from urllib.parse import urlsplit

from typed_settings import Secret

PaymentProviderName = Literal["manual", "sandbox", "stripe", "webhook"]

MIN_KEY: Final = 32
"""The minimum length of a key, in bytes."""

_STRIPE_KEY: Final = re.compile(r"(sk|rk)_(live|test)_[A-Za-z0-9]{10,240}")
_STRIPE_WEBHOOK_SECRET: Final = re.compile(r"whsec_[A-Za-z0-9+/=_-]{10,240}")

_LOCAL: Final = frozenset({"localhost", "127.0.0.1", "::1"})


def provider(value: Any) -> PaymentProviderName | None:
    """The name of a payment provider."""
    if value is not None and value not in get_args(PaymentProviderName):
        raise ValueError(f"must be {', '.join(get_args(PaymentProviderName))}")
    return cast(PaymentProviderName | None, value)


def url(value: Any) -> str | None:
    """An HTTPS URL without a query. HTTP is for programs on this machine."""
    if value is None:
        return None
    parts = urlsplit(str(value))
    is_secure = parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _LOCAL)
    if not is_secure or not parts.hostname or parts.query or parts.fragment or parts.username is not None:
        raise ValueError("must be an https:// URL without a user, a query and a fragment")
    _ = parts.port
    return str(value)


def keys(value: Any) -> Secret[str] | None:
    """Keys, separated by commas. The message shows none of them."""
    if value is None or isinstance(value, Secret):
        return value
    sent = str(value).split(",")
    if any(len(key.encode()) < MIN_KEY or key != key.strip() for key in sent):
        raise ValueError(f"must be keys of at least {MIN_KEY} bytes, separated by commas without spaces")
    return Secret(str(value))


def stripe_key(value: Any) -> Secret[str] | None:
    """A secret or restricted key of Stripe. The message does not show it."""
    return _secret(value, _STRIPE_KEY, "must be a secret or restricted key of Stripe, as sk_live_... or rk_live_...")


def stripe_webhook_secret(value: Any) -> Secret[str] | None:
    """The signing secret of a webhook endpoint of Stripe. The message does not show it."""
    return _secret(value, _STRIPE_WEBHOOK_SECRET, "must be the signing secret of a webhook endpoint, as whsec_...")


def _secret(value: Any, pattern: re.Pattern[str], rule: str) -> Secret[str] | None:
    if value is None or isinstance(value, Secret):
        return value
    if pattern.fullmatch(str(value)) is None:
        raise ValueError(rule)
    return Secret(str(value))
