"""The environment variables of settings, and those that Kubernetes and Docker set for a service named `sellout`.

Kubernetes and Docker links set variables in each container that describe the other services. Their names begin with the
service's name. "Service" in the documentation of Kubernetes ("Environment variables") and "Legacy container links" in
that of Docker define the forms.
"""

import ipaddress
import os
import re
from collections.abc import Collection
from typing import Any, Final

from typed_settings import EnvLoader
from typed_settings.types import LoadedSettings, OptionList, SettingsClass

VARIABLE_PREFIX: Final = "SELLOUT_"
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
    """Loads settings from variables. Ignores variables that Kubernetes or Docker has set."""

    def __init__(self) -> None:
        super().__init__(VARIABLE_PREFIX)

    def __call__(self, settings_cls: SettingsClass, options: OptionList) -> LoadedSettings:
        """As `EnvLoader`. An ignored variable counts as not set."""
        kept = [option for option in options if not self._is_link(self.get_envvar(option))]
        return super().__call__(settings_cls, tuple(kept))

    @staticmethod
    def _is_link(name: str) -> bool:
        return name in os.environ and is_service_link(name, os.environ[name])


def unknown_variables(known: Collection[str]) -> list[str]:
    """The sorted names of `SELLOUT_` variables that are neither known nor set by Kubernetes or Docker."""
    return sorted(
        name
        for name, value in os.environ.items()
        if name.startswith(VARIABLE_PREFIX)
        and not name.startswith(_TEST_PREFIX)
        and name not in known
        and not is_service_link(name, value)
    )


def is_service_link(name: str, value: str) -> bool:
    """Whether Kubernetes or Docker sets that variable to such a value for a service named `sellout`."""
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
    """Whether the value agrees with the port and the protocol in the variable's name."""
    protocol, port = name["protocol"].lower(), name["port"]
    endpoint = _endpoint(value)
    # Docker also describes a range of ports. The variables have the first port in their names.
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
    """The protocol and the port of an address such as tcp://10.0.0.1:8000. None: the text has another form."""
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
