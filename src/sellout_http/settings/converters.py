"""Converters from the text of a setting to its value, with limits."""

import ipaddress
import re
from typing import Any, Final, Literal
from zoneinfo import ZoneInfo

from typed_settings import Secret

from sellout_core import values
from sellout_core.people.identity import mail_address
from sellout_http.runtime.threads import LIST_THREADS, SEARCH_THREADS
from sellout_http.settings.signing_key import MIN_KEY_BYTES

_TRUE: Final = ("1", "true", "yes", "on")
_FALSE: Final = ("0", "false", "no", "off")
ORIGIN: Final = re.compile(r"https?://[a-z0-9.-]+(:[0-9]{1,5})?|https?://\[[0-9a-f:]+\](:[0-9]{1,5})?")
_SENDER: Final = re.compile(r"[^<>\"@,;:\\\r\n\0]{0,100}<([^<>]+)>|([^<> ]+)")
_PUBLIC_URL: Final = re.compile(r"https?://[A-Za-z0-9.\[\]:-]+(?:/[A-Za-z0-9._~/-]*)?")
_LONGEST_LIFETIME: Final = 10 * 366 * 24 * 3600


def whole_number(value: Any, minimum: int, maximum: int) -> int:
    """A whole number from `minimum` to `maximum`.

    Raises:
        ValueError: the value is not such a number.
    """
    text = str(value)
    if not (text.isascii() and text.isdigit() and len(text) <= 18 and minimum <= int(text) <= maximum):
        raise ValueError(f"must be a whole number from {minimum} to {maximum}")
    return int(text)


def port(value: Any) -> int:
    """A TCP port."""
    return whole_number(value, 1, 65535)


def optional_port(value: Any) -> int | None:
    """As `port`. None: it is not set."""
    return None if value is None else port(value)


def lifetime(value: Any) -> int:
    """A lifetime in seconds, 1 to ten years."""
    return whole_number(value, 1, _LONGEST_LIFETIME)


def optional_lifetime(value: Any) -> int | None:
    """As `lifetime`. None: no limit."""
    return None if value is None else lifetime(value)


def seconds(value: Any) -> int:
    """A timeout in seconds, 1 to 3600."""
    return whole_number(value, 1, 3600)


def milliseconds(value: Any) -> int:
    """A timeout in milliseconds, 1 to 3,600,000."""
    return whole_number(value, 1, 3_600_000)


def delay(value: Any) -> int:
    """A delay in seconds, 0 to 300."""
    return whole_number(value, 0, 300)


def webhook_seconds(value: Any) -> int:
    """The maximum time of a request to a webhook in seconds, 1 to 15: a process notes its results after 20."""
    return whole_number(value, 1, 15)


def connections(value: Any) -> int | None:
    """The maximum size of the connection pool, up to 1000. None: the default."""
    # Lists and searches may hold their connections for long. Other requests need three more.
    return None if value is None else whole_number(value, LIST_THREADS + SEARCH_THREADS + 3, 1000)


def up_to_64(value: Any) -> int:
    """A number of threads or processes, 1 to 64."""
    return whole_number(value, 1, 64)


def password_length(value: Any) -> int | None:
    """The minimum length of new passwords, 1 to 128 characters. None: the default."""
    return None if value is None else whole_number(value, 1, values.MAX_PASSWORD)


def truth(value: Any) -> bool:
    """A boolean: `1`, `true`, `yes`, `on`, `0`, `false`, `no` or `off`.

    Raises:
        ValueError: the value is another text.
    """
    text = str(value).lower()
    if text not in _TRUE + _FALSE:
        raise ValueError(f"must be one of {', '.join(_TRUE + _FALSE)}")
    return text in _TRUE


def host(value: Any) -> str:
    """An IP address to listen on. `localhost` is 127.0.0.1.

    Raises:
        ValueError: the value is not an address.
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
    """A database URL.

    Raises:
        ValueError: the value is empty.
    """
    if not value:
        raise ValueError("must not be empty")
    value.encode()
    return str(value)


def secret_key(value: Any) -> Secret[str] | None:
    """A secret key of at least 32 bytes. None: it is not set.

    Raises:
        ValueError: the key is too short.
    """
    if value is None or isinstance(value, Secret):
        return value
    if len(value.encode()) < MIN_KEY_BYTES:
        raise ValueError(f"must be at least {MIN_KEY_BYTES} bytes long")
    return Secret(value)


def attempts(value: Any) -> int | None:
    """The maximum number of attempts in a window, up to 1,000,000. 0: no limit. None: the default."""
    return None if value is None else whole_number(value, 0, 1_000_000)


def cache_mib(value: Any) -> int:
    """The size of a cache in MiB, 0 to 65,536. 0: no cache."""
    return whole_number(value, 0, 65_536)


def max_connections(value: Any) -> int:
    """A maximum number of client connections, 1 to 100,000."""
    return whole_number(value, 1, 100_000)


def percentage(value: Any) -> int:
    """A percentage, 1 to 100."""
    return whole_number(value, 1, 100)


def untaken_mib(value: Any) -> int:
    """A size in MiB, 1 to 65,536."""
    return whole_number(value, 1, 65_536)


def cost(value: Any) -> int:
    """The number of passes or lanes of argon2id, 1 to 100."""
    return whole_number(value, 1, 100)


def hash_memory(value: Any) -> int:
    """The memory of one hash in KiB, 8 to 4 GiB."""
    return whole_number(value, 8, 4 * 1024 * 1024)


def optional_truth(value: Any) -> bool | None:
    """As `truth`. None: the default."""
    return None if value is None else truth(value)


def comma_separated(value: Any) -> list[str]:
    """The parts of a text that commas separate, without empty ones."""
    return [part.strip() for part in str(value).split(",") if part.strip()]


def proxies(value: Any) -> str:
    """IP addresses and networks, separated by commas.

    Raises:
        ValueError: a part is not an address or a network.
    """
    for part in comma_separated(value):
        try:
            ipaddress.ip_network(part)
        except ValueError:
            raise ValueError("must be IP addresses or networks, as 10.0.0.0/8 is, with commas between them") from None
    return str(value)


def origins(value: Any) -> str:
    """Web origins and `*`, separated by commas.

    Raises:
        ValueError: a part is not an origin.
    """
    for part in comma_separated(value):
        if part != "*" and ORIGIN.fullmatch(part) is None:
            raise ValueError("must be origins, as https://shop.example is, with commas between them, or *")
    return str(value)


def redis_url(value: Any) -> Secret[str] | None:
    """The URL of a Redis server. None: it is not set.

    Raises:
        ValueError: the value is not such a URL.
    """
    if value is None or isinstance(value, Secret):
        return value
    if not value.startswith(("redis://", "rediss://", "unix://")):
        raise ValueError("must look like redis://host:6379/0")
    return Secret(value)


def folder(value: Any) -> str | None:
    """A folder. None: it is not set.

    Raises:
        ValueError: the value is empty or has a NUL.
    """
    if value is not None and (not value or "\0" in value):
        raise ValueError("must be the path of a folder")
    return None if value is None else str(value)


def smtp_url(value: Any) -> Secret[str] | None:
    """The URL of an SMTP server. None: it is not set.

    Raises:
        ValueError: the value is not such a URL.
    """
    if value is None or isinstance(value, Secret):
        return value
    if not value.startswith(("smtp://", "smtps://", "smtp+starttls://")):
        raise ValueError("must look like smtp+starttls://user:password@mail.example:587")
    return Secret(value)


def mail_sender(value: Any) -> str | None:
    """An e-mail address, with or without a name. None: it is not set.

    Raises:
        ValueError: the value has another form.
    """
    if value is None:
        return None
    match = _SENDER.fullmatch(value)
    if match is None or mail_address(match[1] or match[2]) is not None:
        raise ValueError("must be an address, as shop@shop.example or Shop <shop@shop.example> is")
    return str(value)


def public_url(value: Any) -> str | None:
    """The URL of the front end, without the slash at its end. None: it is not set.

    Raises:
        ValueError: the value is not such a URL.
    """
    if value is None:
        return None
    if _PUBLIC_URL.fullmatch(value) is None:
        raise ValueError("must be a URL, as https://shop.example is, without a query or a fragment")
    return str(value).rstrip("/")


def log_style(value: Any) -> Literal["json", "text"] | None:
    """`json` or `text`. None: the default.

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
