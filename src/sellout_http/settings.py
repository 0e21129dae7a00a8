"""What an operator can set: flags first, then `SELLOUT_*` variables, then defaults."""

import ipaddress
import os
import re
from collections.abc import Mapping, MutableMapping, Sequence
from datetime import timedelta
from typing import Any, Final, Literal
from zoneinfo import ZoneInfo

import attrs
from typed_settings import Secret, load_settings
from typed_settings.converters import get_default_ts_converter
from typed_settings.loaders import DictLoader
from typed_settings.types import OptionList, SettingsClass, SettingsDict

from sellout_core import values
from sellout_core.shop import Policy
from sellout_http.environment import ADMIN_PASSWORD, PREFIX, SettingVariables, unknown_variables
from sellout_http.keys import MIN_KEY_BYTES, BadSettings
from sellout_http.limits import Limits
from sellout_http.proxies import Network, Proxies

DEMO_PASSWORD_LENGTH: Final = 6

DEMO_LIMIT_FACTOR: Final = 20
"""How many times the default limits of tries --demo allows: a newcomer tries everything, from one address."""

DEFAULT_LIMITS: Final = {
    "logins_per_account": 5,
    "logins_per_address": 10,
    "registrations_per_address": 5,
    "refused_promo_codes": 10,
}

LIST_THREADS: Final = 2
"""How many long lists one process reads at once."""

SEARCH_THREADS: Final = 2
"""How many searches one process does at once."""

_TRUE: Final = ("1", "true", "yes", "on")
_FALSE: Final = ("0", "false", "no", "off")
_ORIGIN: Final = re.compile(r"https?://[a-z0-9.-]+(:[0-9]{1,5})?|https?://\[[0-9a-f:]+\](:[0-9]{1,5})?")
_LONGEST_LIFETIME: Final = 10 * 366 * 24 * 3600


def spare_processors() -> int:
    """All but one, which is left to those who do not log in; at least one."""
    return min(64, max(1, (os.cpu_count() or 1) - 1))


def _whole(value: Any, minimum: int, maximum: int) -> int:
    text = str(value)
    if not (text.isascii() and text.isdigit() and len(text) <= 18 and minimum <= int(text) <= maximum):
        raise ValueError(f"must be a whole number from {minimum} to {maximum}")
    return int(text)


def _port(value: Any) -> int:
    return _whole(value, 1, 65535)


def _lifetime(value: Any) -> int:
    return _whole(value, 1, _LONGEST_LIFETIME)


def _seconds(value: Any) -> int:
    return _whole(value, 1, 3600)


def _delay(value: Any) -> int:
    return _whole(value, 0, 300)


def _connections(value: Any) -> int | None:
    # Lists are read as slowly as their clients take them; whatever else needs a connection must find one.
    return None if value is None else _whole(value, LIST_THREADS + SEARCH_THREADS + 2, 1000)


def _up_to_64(value: Any) -> int:
    return _whole(value, 1, 64)


def _password_length(value: Any) -> int | None:
    return None if value is None else _whole(value, 1, values.MAX_PASSWORD)


def _truth(value: Any) -> bool:
    text = str(value).lower()
    if text not in _TRUE + _FALSE:
        raise ValueError(f"must be one of {', '.join(_TRUE + _FALSE)}")
    return text in _TRUE


def _host(value: Any) -> str:
    if value == "localhost":
        return "127.0.0.1"
    try:
        address = ipaddress.ip_address(value)
    except ValueError:
        address = None
    if address is None or "%" in value:
        raise ValueError("must be an IP address or localhost")
    return str(address)


def _database_url(value: Any) -> str:
    if not value:
        raise ValueError("must not be empty")
    value.encode()
    return str(value)


def _secret_key(value: Any) -> Secret[str] | None:
    if value is None or isinstance(value, Secret):
        return value
    if len(value.encode()) < MIN_KEY_BYTES:
        raise ValueError(f"must be at least {MIN_KEY_BYTES} bytes long")
    return Secret(value)


def _tries(value: Any) -> int | None:
    return None if value is None else _whole(value, 0, 1_000_000)


def _cache(value: Any) -> int:
    return _whole(value, 0, 65_536)


def _cost(value: Any) -> int:
    return _whole(value, 1, 100)


def _hash_memory(value: Any) -> int:
    return _whole(value, 8, 4 * 1024 * 1024)


def _optional_truth(value: Any) -> bool | None:
    return None if value is None else _truth(value)


def _listed(value: Any) -> list[str]:
    return [part.strip() for part in str(value).split(",") if part.strip()]


def _proxies(value: Any) -> str:
    for part in _listed(value):
        try:
            ipaddress.ip_network(part)
        except ValueError:
            raise ValueError("must be IP addresses or networks, as 10.0.0.0/8 is, with commas between them") from None
    return str(value)


def _origins(value: Any) -> str:
    for part in _listed(value):
        if part != "*" and _ORIGIN.fullmatch(part) is None:
            raise ValueError("must be origins, as https://shop.example is, with commas between them, or *")
    return str(value)


def _redis_url(value: Any) -> Secret[str] | None:
    if value is None or isinstance(value, Secret):
        return value
    if not value.startswith(("redis://", "rediss://", "unix://")):
        raise ValueError("must look like redis://host:6379/0")
    return Secret(value)


def _log_style(value: Any) -> Literal["json", "text"] | None:
    if value is None or value in ("json", "text"):
        return value  # type: ignore[no-any-return]
    raise ValueError("must be json or text")


def _time_zone(value: Any) -> str:
    try:
        return ZoneInfo(value).key
    except (ValueError, OSError, KeyError):
        raise ValueError("must be the name of an IANA time zone, as Europe/Moscow is") from None


@attrs.frozen(kw_only=True)
class Settings:
    """How one shop runs. Lifetimes, timeouts and delays are in seconds. `hash_threads` hash passwords, `threads` do
    everything else but the reading of long lists; each uses a connection, and so do two threads for lists, the event
    loop and the health check: None for `connections` means that many. `cache_mib` is for the catalogue's documents.
    None for `min_password_length` or `refuse_common_passwords` means the shop's default, which --demo lowers; for
    `log_style`, text on a terminal and JSON elsewhere. A limit of tries is 0 where there is none; None means
    the default, which --demo multiplies by 20.
    """

    host: str = attrs.field(default="127.0.0.1", converter=_host)
    port: int = attrs.field(default=8000, converter=_port)
    database_url: str = attrs.field(default="sqlite:///sellout.db", converter=_database_url)
    workers: int = attrs.field(default=1, converter=_up_to_64)
    demo: bool = attrs.field(default=False, converter=_truth)
    secret_key: Secret[str] | None = attrs.field(default=None, converter=_secret_key)
    threads: int = attrs.field(default=8, converter=_up_to_64)
    hash_threads: int = attrs.field(factory=spare_processors, converter=_up_to_64)
    cache_mib: int = attrs.field(default=32, converter=_cache)
    connections: int | None = attrs.field(default=None, converter=_connections)
    connect_timeout: int = attrs.field(default=5, converter=_seconds)
    lock_timeout: int = attrs.field(default=10, converter=_seconds)
    statement_timeout: int = attrs.field(default=30, converter=_seconds)
    drain_delay: int = attrs.field(default=5, converter=_delay)
    min_password_length: int | None = attrs.field(default=None, converter=_password_length)
    access_token_lifetime: int = attrs.field(default=86_400, converter=_lifetime)
    refresh_token_lifetime: int = attrs.field(default=604_800, converter=_lifetime)
    time_zone: str = attrs.field(default="UTC", converter=_time_zone)
    refuse_common_passwords: bool | None = attrs.field(default=None, converter=_optional_truth)
    hash_time_cost: int = attrs.field(default=2, converter=_cost)
    hash_memory_kib: int = attrs.field(default=19 * 1024, converter=_hash_memory)
    hash_parallelism: int = attrs.field(default=1, converter=_cost)
    logins_per_account: int | None = attrs.field(default=None, converter=_tries)
    logins_per_address: int | None = attrs.field(default=None, converter=_tries)
    registrations_per_address: int | None = attrs.field(default=None, converter=_tries)
    refused_promo_codes: int | None = attrs.field(default=None, converter=_tries)
    redis_url: Secret[str] | None = attrs.field(default=None, converter=_redis_url)
    trusted_proxies: str = attrs.field(default="", converter=_proxies)
    cors_origins: str = attrs.field(default="", converter=_origins)
    request_timeout: int = attrs.field(default=30, converter=_seconds)
    log_style: Literal["json", "text"] | None = attrs.field(default=None, converter=_log_style)
    log_client_addresses: bool = attrs.field(default=False, converter=_truth)

    @property
    def policy(self) -> Policy:
        """The core's policy under these settings."""
        default = DEMO_PASSWORD_LENGTH if self.demo else Policy().min_password_length
        refuse = self.refuse_common_passwords
        return Policy(
            min_password_length=self.min_password_length or default,
            refuse_common_passwords=not self.demo if refuse is None else refuse,
            access_lifetime=timedelta(seconds=self.access_token_lifetime),
            refresh_lifetime=timedelta(seconds=self.refresh_token_lifetime),
            time_zone=ZoneInfo(self.time_zone),
        )

    @property
    def pool(self) -> int:
        """How many connections the store of a process that serves may have."""
        return self.connections or self.threads + self.hash_threads + LIST_THREADS + SEARCH_THREADS + 2

    @property
    def limits(self) -> Limits:
        """How often things may be tried."""
        factor = DEMO_LIMIT_FACTOR if self.demo else 1
        given = {name: getattr(self, name) for name in DEFAULT_LIMITS}
        return Limits(**{name: factor * DEFAULT_LIMITS[name] if it is None else it for name, it in given.items()})

    @property
    def proxies(self) -> Proxies:
        """The proxies that are known."""
        networks: list[Network] = [ipaddress.ip_network(part) for part in _listed(self.trusted_proxies)]
        return Proxies(networks)

    @property
    def origins(self) -> list[str]:
        """The web origins whose scripts may read the answers."""
        return _listed(self.cors_origins)

    def export(self, environment: MutableMapping[str, str]) -> None:
        """Writes these settings as variables, for processes that load them without the flags."""
        for field in attrs.fields(Settings):
            value = getattr(self, field.name)
            if isinstance(value, Secret):
                value = value.get_secret_value()
            if value is not None:
                environment[variable(field.name)] = str(value)


def variable(name: str) -> str:
    """The variable that sets a setting."""
    return PREFIX + name.upper()


def flag(name: str) -> str:
    """The flag that sets a setting, where a command has one."""
    return "--" + name.replace("_", "-")


def load(flags: Mapping[str, Any] | None = None) -> Settings:
    """The settings in force. `flags` are those given, by the names of their settings; None stands for a flag that was
    not given.

    Raises:
        BadSettings: naming every flag or variable that is out of its limits or unknown.
    """
    given = {name: value for name, value in (flags or {}).items() if value is not None}
    faults = _unknown_variables()

    # The parameters' names are typed-settings' own.
    def check(settings_dict: SettingsDict, settings_cls: SettingsClass, options: OptionList) -> SettingsDict:  # noqa: ARG001
        faults.extend(_faults(settings_dict, given, options))
        if faults:
            raise BadSettings("; ".join(faults))
        return settings_dict

    return load_settings(
        Settings, [SettingVariables(), DictLoader(given)], processors=[check], converter=get_default_ts_converter()
    )


def _faults(loaded: SettingsDict, given: Mapping[str, Any], options: OptionList) -> Sequence[str]:
    """What is wrong with raw values, before typed-settings tries them: its own report would print a secret."""
    faults = []
    for option in options:
        if option.name in loaded and option.converter is not None:
            try:
                option.converter(loaded[option.name])
            except UnicodeEncodeError:
                faults.append(f"{_source(option.name, given)} must be valid UTF-8")
            except ValueError as error:
                faults.append(f"{_source(option.name, given)} {error}")
    return faults


def _source(name: str, given: Mapping[str, Any]) -> str:
    return flag(name) if name in given else variable(name)


def _unknown_variables() -> list[str]:
    known = {variable(field.name) for field in attrs.fields(Settings)} | {ADMIN_PASSWORD}
    return [f"{ascii(name)[1:-1]} is not a setting" for name in unknown_variables(known)]
