"""The variables that settings come from, and those that a cluster sets for a service named `sellout`.

Kubernetes and Docker links describe each service to its neighbours with variables that begin with the service's name.
The forms are those of the pages "Service" (Kubernetes, "Environment variables") and "Legacy container links" (Docker).
"""

import ipaddress
import os
import re
from collections.abc import Collection
from typing import Any, Final

from typed_settings import EnvLoader
from typed_settings.types import LoadedSettings, OptionList, SettingsClass

PREFIX: Final = "SELLOUT_"
ADMIN_PASSWORD: Final = "SELLOUT_ADMIN_PASSWORD"  # noqa: S105 - a variable's name
_TEST_PREFIX: Final = "SELLOUT_TEST_"

_PROTOCOL: Final = "tcp|udp|sctp"
_ENDPOINT: Final = re.compile(
    rf"(?P<protocol>{_PROTOCOL})://(?:\[(?P<v6>[0-9a-f:.]+)\]|(?P<v4>[0-9.]+)):(?P<port>[0-9]+)"
)
_PORT_NAME: Final = re.compile(
    rf"SELLOUT_PORT_(?P<port>[0-9]+)_(?P<protocol>{_PROTOCOL.upper()})(?:_(?P<part>PROTO|PORT|ADDR|START|PORT_START|END|PORT_END))?"
)
_NAMED_PORT: Final = re.compile(r"SELLOUT_SERVICE_PORT(?:_[A-Z0-9_]*[A-Z0-9][A-Z0-9_]*)?")
_CONTAINER: Final = re.compile(r"/[A-Za-z0-9][A-Za-z0-9_.-]*/sellout", re.IGNORECASE)
_CONTAINER_VARIABLE: Final = re.compile(r"SELLOUT_ENV_.+", re.DOTALL)


class SettingVariables(EnvLoader):
    """Loads settings from variables, except the address that a cluster puts into `SELLOUT_PORT`."""

    def __init__(self) -> None:
        super().__init__(PREFIX)

    def __call__(self, settings_cls: SettingsClass, options: OptionList) -> LoadedSettings:
        """As `EnvLoader`; an ignored variable counts as not set."""
        kept = [option for option in options if not self._is_link(self.get_envvar(option))]
        return super().__call__(settings_cls, tuple(kept))

    @staticmethod
    def _is_link(name: str) -> bool:
        return name in os.environ and is_service_link(name, os.environ[name])


def unknown_variables(known: Collection[str]) -> list[str]:
    """The names of variables that begin as a setting's does and are neither known nor a cluster's, in order."""
    return sorted(
        name
        for name, value in os.environ.items()
        if name.startswith(PREFIX)
        and not name.startswith(_TEST_PREFIX)
        and name not in known
        and not is_service_link(name, value)
    )


def is_service_link(name: str, value: str) -> bool:
    """Whether Kubernetes or a Docker link sets that variable to such a value for a service named `sellout`."""
    if name == "SELLOUT_SERVICE_HOST":
        return _is_address(value)
    if name == "SELLOUT_PORT":
        return _endpoint(value) is not None
    if name == "SELLOUT_NAME":
        return _CONTAINER.fullmatch(value) is not None
    if _NAMED_PORT.fullmatch(name):
        return _is_port(value)
    if match := _PORT_NAME.fullmatch(name):
        return _is_port(match["port"]) and _is_part_of_port(match, value)
    return _CONTAINER_VARIABLE.fullmatch(name) is not None


def _is_part_of_port(name: re.Match[str], value: str) -> bool:
    """Whether the value agrees with the port and the protocol that the variable's name states."""
    protocol, port = name["protocol"].lower(), name["port"]
    endpoint = _endpoint(value)
    # A Docker link also describes a range of ports in variables that are named after the first one.
    expected: dict[Any, bool] = {
        "PROTO": value == protocol,
        "PORT": value == port,
        "ADDR": _is_address(value),
        None: endpoint == (protocol, port),
        "START": endpoint == (protocol, port),
        "PORT_START": value == port,
        "END": endpoint is not None and endpoint[0] == protocol and int(endpoint[1]) > int(port),
        "PORT_END": _is_port(value) and int(value) > int(port),
    }
    return expected[name["part"]]


def _endpoint(value: str) -> tuple[str, str] | None:
    """The protocol and the port of an address such as tcp://10.0.0.1:8000; None for other text."""
    match = _ENDPOINT.fullmatch(value)
    if match is None or not _is_port(match["port"]):
        return None
    address, version = (match["v6"], 6) if match["v6"] else (match["v4"], 4)
    return (match["protocol"], match["port"]) if _is_address(address, version) else None


def _is_address(value: str, version: int | None = None) -> bool:
    try:
        address = ipaddress.ip_address(value)
    except ValueError:
        return False
    return version in {None, address.version}


def _is_port(value: str) -> bool:
    return value.isascii() and value.isdigit() and len(value) <= 5 and 1 <= int(value) <= 65535
