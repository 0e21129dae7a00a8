"""The settings of a shop: flags come first, then environment variables, then the defaults."""

import ipaddress
from collections.abc import Mapping, MutableMapping, Sequence
from datetime import timedelta
from typing import Any, Final, Literal
from zoneinfo import ZoneInfo

import attrs
from typed_settings import Secret, load_settings
from typed_settings.converters import get_default_ts_converter
from typed_settings.loaders import DictLoader
from typed_settings.types import OptionList, SettingsClass, SettingsDict

from sellout_core.shop import Policy
from sellout_http.api.rate_limits import Limits
from sellout_http.middleware.forwarded_headers import Network, Proxies
from sellout_http.runtime.threads import LIST_THREADS, SEARCH_THREADS, spare_processors
from sellout_http.settings import converters
from sellout_http.settings.environment import ADMIN_PASSWORD, PREFIX, SettingVariables, unknown_variables
from sellout_http.settings.signing_key import BadSettings

DEMO_PASSWORD_LENGTH: Final = 6

DEMO_LIMIT_FACTOR: Final = 20
"""How many times the default limits of tries --demo allows: a newcomer tries everything, from one address."""

LOCAL_ORIGINS: Final = r"http://(localhost|127\.0\.0\.1)(:[0-9]{1,5})?"
"""The web origins of this machine, on any port."""

DEFAULT_LIMITS: Final = {
    "logins_per_account": 5,
    "logins_per_address": 10,
    "registrations_per_address": 5,
    "refused_promo_codes": 10,
}


@attrs.frozen(kw_only=True)
class Settings:
    """How one shop runs. Lifetimes, timeouts and delays are in seconds. `hash_threads` hash passwords, `threads` do
    everything else but the reading of long lists; each uses a connection, and so do two threads for lists, the event
    loop and the health check: None for `connections` means that many. `cache_mib` is for the catalogue's documents.
    None for `min_password_length` or `refuse_common_passwords` means the shop's default, which --demo lowers; for
    `log_style`, text on a terminal and JSON elsewhere. A limit of tries is 0 where there is none; None means
    the default, which --demo multiplies by 20.
    """

    host: str = attrs.field(default="127.0.0.1", converter=converters.host)
    port: int = attrs.field(default=8000, converter=converters.port)
    database_url: str = attrs.field(default="sqlite:///sellout.db", converter=converters.database_url)
    workers: int = attrs.field(default=1, converter=converters.up_to_64)
    demo: bool = attrs.field(default=False, converter=converters.truth)
    secret_key: Secret[str] | None = attrs.field(default=None, converter=converters.secret_key)
    threads: int = attrs.field(default=8, converter=converters.up_to_64)
    hash_threads: int = attrs.field(factory=spare_processors, converter=converters.up_to_64)
    cache_mib: int = attrs.field(default=32, converter=converters.cache)
    connections: int | None = attrs.field(default=None, converter=converters.connections)
    connect_timeout: int = attrs.field(default=5, converter=converters.seconds)
    lock_timeout: int = attrs.field(default=10, converter=converters.seconds)
    statement_timeout: int = attrs.field(default=30, converter=converters.seconds)
    drain_delay: int = attrs.field(default=5, converter=converters.delay)
    min_password_length: int | None = attrs.field(default=None, converter=converters.password_length)
    access_token_lifetime: int = attrs.field(default=86_400, converter=converters.lifetime)
    refresh_token_lifetime: int = attrs.field(default=604_800, converter=converters.lifetime)
    time_zone: str = attrs.field(default="UTC", converter=converters.time_zone)
    refuse_common_passwords: bool | None = attrs.field(default=None, converter=converters.optional_truth)
    hash_time_cost: int = attrs.field(default=2, converter=converters.cost)
    hash_memory_kib: int = attrs.field(default=19 * 1024, converter=converters.hash_memory)
    hash_parallelism: int = attrs.field(default=1, converter=converters.cost)
    logins_per_account: int | None = attrs.field(default=None, converter=converters.tries)
    logins_per_address: int | None = attrs.field(default=None, converter=converters.tries)
    registrations_per_address: int | None = attrs.field(default=None, converter=converters.tries)
    refused_promo_codes: int | None = attrs.field(default=None, converter=converters.tries)
    redis_url: Secret[str] | None = attrs.field(default=None, converter=converters.redis_url)
    trusted_proxies: str = attrs.field(default="", converter=converters.proxies)
    cors_origins: str = attrs.field(default="", converter=converters.origins)
    request_timeout: int = attrs.field(default=30, converter=converters.seconds)
    log_style: Literal["json", "text"] | None = attrs.field(default=None, converter=converters.log_style)
    log_client_addresses: bool = attrs.field(default=False, converter=converters.truth)

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
        networks: list[Network] = [ipaddress.ip_network(part) for part in converters.listed(self.trusted_proxies)]
        return Proxies(networks)

    @property
    def origins(self) -> list[str]:
        """The web origins whose scripts may read the answers."""
        return converters.listed(self.cors_origins)

    @property
    def origin_pattern(self) -> str | None:
        """With `--demo` the origins of front ends under development on this machine; else None."""
        return LOCAL_ORIGINS if self.demo else None

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
