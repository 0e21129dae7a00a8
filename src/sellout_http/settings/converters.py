"""Reads settings from text: a converter for each kind of value, with its limits."""

import ipaddress
import re
from typing import Any, Final, Literal
from zoneinfo import ZoneInfo

from typed_settings import Secret

from sellout_core import values
from sellout_http.runtime.threads import LIST_THREADS, SEARCH_THREADS
from sellout_http.settings.signing_key import MIN_KEY_BYTES

_TRUE: Final = ("1", "true", "yes", "on")

_FALSE: Final = ("0", "false", "no", "off")

_ORIGIN: Final = re.compile(r"https?://[a-z0-9.-]+(:[0-9]{1,5})?|https?://\[[0-9a-f:]+\](:[0-9]{1,5})?")

_LONGEST_LIFETIME: Final = 10 * 366 * 24 * 3600


def whole(value: Any, minimum: int, maximum: int) -> int:
    """A whole number of at most 18 digits, from `minimum` to `maximum`.

    Raises:
        ValueError: the value is no such number.
    """
    text = str(value)
    if not (text.isascii() and text.isdigit() and len(text) <= 18 and minimum <= int(text) <= maximum):
        raise ValueError(f"must be a whole number from {minimum} to {maximum}")
    return int(text)


def port(value: Any) -> int:
    """A TCP port."""
    return whole(value, 1, 65535)


def lifetime(value: Any) -> int:
    """A lifetime in seconds, at most ten years."""
    return whole(value, 1, _LONGEST_LIFETIME)


def seconds(value: Any) -> int:
    """Seconds, at most an hour."""
    return whole(value, 1, 3600)


def delay(value: Any) -> int:
    """Seconds, at most five minutes; 0 for none."""
    return whole(value, 0, 300)


def connections(value: Any) -> int | None:
    """A pool size; None for the default."""
    # Lists are read as slowly as their clients take them; whatever else needs a connection must find one.
    return None if value is None else whole(value, LIST_THREADS + SEARCH_THREADS + 2, 1000)


def up_to_64(value: Any) -> int:
    """A number of threads or processes."""
    return whole(value, 1, 64)


def password_length(value: Any) -> int | None:
    """A least length of new passwords; None for the default."""
    return None if value is None else whole(value, 1, values.MAX_PASSWORD)


def truth(value: Any) -> bool:
    """A yes or no: `1`, `true`, `yes`, `on`, `0`, `false`, `no` or `off`.

    Raises:
        ValueError: the value is another text.
    """
    text = str(value).lower()
    if text not in _TRUE + _FALSE:
        raise ValueError(f"must be one of {', '.join(_TRUE + _FALSE)}")
    return text in _TRUE


def host(value: Any) -> str:
    """An IP address to listen on; `localhost` is 127.0.0.1.

    Raises:
        ValueError: the value is no address.
    """
    if value == "localhost":
        return "127.0.0.1"
    try:
        address = ipaddress.ip_address(value)
    except ValueError:
        address = None
    if address is None or "%" in value:
        raise ValueError("must be an IP address or localhost")
    return str(address)


def database_url(value: Any) -> str:
    """A database URL, which is not empty.

    Raises:
        ValueError: the value is empty.
    """
    if not value:
        raise ValueError("must not be empty")
    value.encode()
    return str(value)


def secret_key(value: Any) -> Secret[str] | None:
    """A secret key of at least 32 bytes; None if none is set.

    Raises:
        ValueError: the key is too short.
    """
    if value is None or isinstance(value, Secret):
        return value
    if len(value.encode()) < MIN_KEY_BYTES:
        raise ValueError(f"must be at least {MIN_KEY_BYTES} bytes long")
    return Secret(value)


def tries(value: Any) -> int | None:
    """A number of tries in a window; 0 for no limit, None for the default."""
    return None if value is None else whole(value, 0, 1_000_000)


def cache(value: Any) -> int:
    """A size in MiB; 0 for no cache."""
    return whole(value, 0, 65_536)


def cost(value: Any) -> int:
    """A number of passes or lanes of argon2id."""
    return whole(value, 1, 100)


def hash_memory(value: Any) -> int:
    """The memory of one hash, in KiB."""
    return whole(value, 8, 4 * 1024 * 1024)


def optional_truth(value: Any) -> bool | None:
    """As `truth`; None for the default."""
    return None if value is None else truth(value)


def listed(value: Any) -> list[str]:
    """The parts of a list that is separated by commas."""
    return [part.strip() for part in str(value).split(",") if part.strip()]


def proxies(value: Any) -> str:
    """IP addresses and networks, separated by commas.

    Raises:
        ValueError: a part is neither.
    """
    for part in listed(value):
        try:
            ipaddress.ip_network(part)
        except ValueError:
            raise ValueError("must be IP addresses or networks, as 10.0.0.0/8 is, with commas between them") from None
    return str(value)


def origins(value: Any) -> str:
    """Web origins, separated by commas, or `*`.

    Raises:
        ValueError: a part is neither.
    """
    for part in listed(value):
        if part != "*" and _ORIGIN.fullmatch(part) is None:
            raise ValueError("must be origins, as https://shop.example is, with commas between them, or *")
    return str(value)


def redis_url(value: Any) -> Secret[str] | None:
    """The URL of a Redis server; None if none is set.

    Raises:
        ValueError: the value is no such URL.
    """
    if value is None or isinstance(value, Secret):
        return value
    if not value.startswith(("redis://", "rediss://", "unix://")):
        raise ValueError("must look like redis://host:6379/0")
    return Secret(value)


def log_style(value: Any) -> Literal["json", "text"] | None:
    """`json` or `text`; None for the default.

    Raises:
        ValueError: the value is another text.
    """
    if value is None or value in ("json", "text"):
        return value  # type: ignore[no-any-return]
    raise ValueError("must be json or text")


def time_zone(value: Any) -> str:
    """The name of an IANA time zone.

    Raises:
        ValueError: there is no such time zone.
    """
    try:
        return ZoneInfo(value).key
    except (ValueError, OSError, KeyError):
        raise ValueError("must be the name of an IANA time zone, as Europe/Moscow is") from None
