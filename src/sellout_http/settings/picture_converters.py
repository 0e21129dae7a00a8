"""Converters of the settings of pictures."""

import re
from typing import Any, Final

from typed_settings import Secret

from sellout_http.settings.converters import ORIGIN, database_url

_URL: Final = re.compile(r"(https?://[A-Za-z0-9.-]+(:[0-9]{1,5})?)?(/[A-Za-z0-9._~-]+)*")


def folder(value: Any) -> str:
    """The path of a folder.

    Raises:
        ValueError: the value is empty.
    """
    return database_url(value)


def url(value: Any) -> str:
    """An address or a path without a slash at the end, to which a slash and the name of a file are added.

    Raises:
        ValueError: the value has another form, or over 500 characters.
    """
    if not value or len(value) > 500 or _URL.fullmatch(value) is None:
        raise ValueError("must look like https://pictures.example/shop or /pictures, without a slash at the end")
    return str(value)


def name(value: Any) -> str | None:
    """A name of 1 to 255 characters without white space. None: it is not set.

    Raises:
        ValueError: the value is another text.
    """
    if value is None or re.fullmatch(r"[!-~]{1,255}", value):
        return value  # type: ignore[no-any-return]
    raise ValueError("must be 1 to 255 printable ASCII characters without spaces")


def endpoint(value: Any) -> str | None:
    """The address of a service. None: it is not set.

    Raises:
        ValueError: the value is not such an address.
    """
    if value is None or ORIGIN.fullmatch(value):
        return value  # type: ignore[no-any-return]
    raise ValueError("must look like https://s3.example or http://127.0.0.1:9000")


def secret(value: Any) -> Secret[str] | None:
    """A secret. None: it is not set.

    Raises:
        ValueError: the value is empty.
    """
    if value is None or isinstance(value, Secret):
        return value
    return Secret(database_url(value))
