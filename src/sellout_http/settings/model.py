"""The settings of a shop. Flags take precedence over environment variables, and variables over defaults."""

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
from sellout_http.middleware.forwarded_headers import IpNetwork, Proxies
from sellout_http.runtime.threads import MORE_CONNECTIONS, spare_processors
from sellout_http.settings import converters, payment_converters, picture_converters
from sellout_http.settings.environment import ADMIN_PASSWORD, VARIABLE_PREFIX, SettingVariables, unknown_variables
from sellout_http.settings.payment_converters import PaymentProviderName
from sellout_http.settings.signing_key import BadSettings

DEMO_PASSWORD_LENGTH: Final = 6

DEMO_LIMIT_FACTOR: Final = 20
"""--demo multiplies the default rate limits by this: a new user tries everything from one address."""

LOCAL_ORIGINS: Final = r"http://(localhost|127\.0\.0\.1)(:[0-9]{1,5})?"
"""The web origins of this machine, on any port."""

DEFAULT_LIMITS: Final = {
    "logins_per_account": 5,
    "logins_per_address": 10,
    "registrations_per_address": 5,
    "refused_promo_codes": 10,
    "refused_codes": 10,
    "mails_per_address": 20,
    "mails_per_account": 5,
    "guest_carts_per_address": 10,
}


@attrs.frozen(kw_only=True)
class Settings:
    """The settings. docs/settings.md describes each of them.

    Lifetimes, timeouts and delays are in seconds, except `search_timeout_ms`. None means a default that depends on
    other settings:

    * `connections`: one for each of `threads` and `hash_threads`, and `MORE_CONNECTIONS`.
    * `min_password_length`, `refuse_common_passwords`: that of the core, or a lower one with `demo`.
    * the rate limits: `DEFAULT_LIMITS`, multiplied by `DEMO_LIMIT_FACTOR` with `demo`. 0 means no limit.
    * `mail_folder`: none, or `sellout-mail` with `demo`, unless `smtp_url` is set.
    * `mail_from`, `public_url`: must be set with `smtp_url`. Otherwise a made-up address, and the URL of the server.
    * `mail_folder`: none, or `sellout-mail` with `demo`.
    * `public_url`: the URL of the server itself.
    * `payment_provider`: `manual`, or `sandbox` with `demo`. `payment_url` and `payment_keys` belong to `webhook`,
      and `payment_return_url`, `stripe_secret_key` and `stripe_webhook_secret` to `stripe`.
    * `unpaid_order_lifetime`: unpaid orders do not expire.
    * `metrics_port`: no metrics.
    * `log_style`: text on a terminal, JSON elsewhere.
    """

    host: str = attrs.field(default="127.0.0.1", converter=converters.host)
    port: int = attrs.field(default=8000, converter=converters.port)
    database_url: str = attrs.field(default="sqlite:///sellout.db", converter=converters.database_url)
    workers: int = attrs.field(default=1, converter=converters.up_to_64)
    demo: bool = attrs.field(default=False, converter=converters.truth)
    secret_key: Secret[str] | None = attrs.field(default=None, converter=converters.secret_key)
    threads: int = attrs.field(default=8, converter=converters.up_to_64)
    hash_threads: int = attrs.field(factory=spare_processors, converter=converters.up_to_64)
    cache_mib: int = attrs.field(default=32, converter=converters.cache_mib)
    connections: int | None = attrs.field(default=None, converter=converters.connections)
    connect_timeout: int = attrs.field(default=5, converter=converters.seconds)
    lock_timeout: int = attrs.field(default=10, converter=converters.seconds)
    statement_timeout: int = attrs.field(default=30, converter=converters.seconds)
    search_timeout_ms: int = attrs.field(default=300, converter=converters.milliseconds)
    drain_delay: int = attrs.field(default=5, converter=converters.delay)
    min_password_length: int | None = attrs.field(default=None, converter=converters.password_length)
    access_token_lifetime: int = attrs.field(default=86_400, converter=converters.lifetime)
    refresh_token_lifetime: int = attrs.field(default=604_800, converter=converters.lifetime)
    unpaid_order_lifetime: int | None = attrs.field(default=None, converter=converters.optional_lifetime)
    return_window: int = attrs.field(default=604_800, converter=converters.lifetime)
    time_zone: str = attrs.field(default="UTC", converter=converters.time_zone)
    refuse_common_passwords: bool | None = attrs.field(default=None, converter=converters.optional_truth)
    require_staff_second_factor: bool = attrs.field(default=False, converter=converters.truth)
    hash_time_cost: int = attrs.field(default=2, converter=converters.cost)
    hash_memory_kib: int = attrs.field(default=19 * 1024, converter=converters.hash_memory)
    hash_parallelism: int = attrs.field(default=1, converter=converters.cost)
    logins_per_account: int | None = attrs.field(default=None, converter=converters.attempts)
    logins_per_address: int | None = attrs.field(default=None, converter=converters.attempts)
    registrations_per_address: int | None = attrs.field(default=None, converter=converters.attempts)
    refused_promo_codes: int | None = attrs.field(default=None, converter=converters.attempts)
    refused_codes: int | None = attrs.field(default=None, converter=converters.attempts)
    mails_per_address: int | None = attrs.field(default=None, converter=converters.attempts)
    mails_per_account: int | None = attrs.field(default=None, converter=converters.attempts)
    smtp_url: Secret[str] | None = attrs.field(default=None, converter=converters.smtp_url)
    mail_folder: str | None = attrs.field(default=None, converter=converters.folder)
    mail_from: str | None = attrs.field(default=None, converter=converters.mail_sender)
    public_url: str | None = attrs.field(default=None, converter=converters.public_url)
    guest_carts_per_address: int | None = attrs.field(default=None, converter=converters.attempts)
    redis_url: Secret[str] | None = attrs.field(default=None, converter=converters.redis_url)
    pictures_folder: str = attrs.field(default="sellout-pictures", converter=picture_converters.folder)
    pictures_url: str = attrs.field(default="/pictures", converter=picture_converters.url)
    s3_bucket: str | None = attrs.field(default=None, converter=picture_converters.name)
    s3_endpoint: str | None = attrs.field(default=None, converter=picture_converters.endpoint)
    s3_region: str = attrs.field(default="us-east-1", converter=picture_converters.name)
    s3_access_key_id: str | None = attrs.field(default=None, converter=picture_converters.name)
    s3_secret_access_key: Secret[str] | None = attrs.field(default=None, converter=picture_converters.secret)
    s3_timeout: int = attrs.field(default=10, converter=converters.seconds)
    payment_provider: PaymentProviderName | None = attrs.field(default=None, converter=payment_converters.provider)
    payment_url: str | None = attrs.field(default=None, converter=payment_converters.url)
    payment_keys: Secret[str] | None = attrs.field(default=None, converter=payment_converters.keys)
    payment_return_url: str | None = attrs.field(default=None, converter=payment_converters.url)
    stripe_secret_key: Secret[str] | None = attrs.field(default=None, converter=payment_converters.stripe_key)
    stripe_webhook_secret: Secret[str] | None = attrs.field(
        default=None, converter=payment_converters.stripe_webhook_secret
    )
    payment_timeout: int = attrs.field(default=10, converter=converters.seconds)
    metrics_port: int | None = attrs.field(default=None, converter=converters.optional_port)
    metrics_host: str = attrs.field(default="127.0.0.1", converter=converters.host)
    webhook_timeout: int = attrs.field(default=10, converter=converters.webhook_seconds)
    webhooks_allow_private: bool = attrs.field(default=False, converter=converters.truth)
    event_retention: int = attrs.field(default=604_800, converter=converters.lifetime)
    trusted_proxies: str = attrs.field(default="", converter=converters.proxies)
    cors_origins: str = attrs.field(default="", converter=converters.origins)
    request_timeout: int = attrs.field(default=30, converter=converters.seconds)
    idle_timeout: int = attrs.field(default=10, converter=converters.seconds)
    send_timeout: int = attrs.field(default=30, converter=converters.seconds)
    max_connections: int = attrs.field(default=4096, converter=converters.max_connections)
    client_share: int = attrs.field(default=25, converter=converters.percentage)
    client_untaken_mib: int = attrs.field(default=16, converter=converters.untaken_mib)
    client_connections: int = attrs.field(default=128, converter=converters.max_connections)
    log_style: Literal["json", "text"] | None = attrs.field(default=None, converter=converters.log_style)
    log_client_addresses: bool = attrs.field(default=False, converter=converters.truth)

    @property
    def policy(self) -> Policy:
        """The core's policy."""
        default = DEMO_PASSWORD_LENGTH if self.demo else Policy().min_password_length
        refuse = self.refuse_common_passwords
        return Policy(
            min_password_length=self.min_password_length or default,
            refuse_common_passwords=not self.demo if refuse is None else refuse,
            access_lifetime=timedelta(seconds=self.access_token_lifetime),
            refresh_lifetime=timedelta(seconds=self.refresh_token_lifetime),
            time_zone=ZoneInfo(self.time_zone),
            sends_mail=self.sends_mail,
            unpaid_order_lifetime=None
            if self.unpaid_order_lifetime is None
            else timedelta(seconds=self.unpaid_order_lifetime),
            return_window=timedelta(seconds=self.return_window),
            staff_need_second_factor=self.require_staff_second_factor,
            event_retention=timedelta(seconds=self.event_retention),
            private_webhooks=self.webhooks_allow_private,
        )

    @property
    def sends_mail(self) -> bool:
        """Whether mail is configured. A demo writes mail to files."""
        return self.smtp_url is not None or self.mail_folder is not None or self.demo

    @property
    def pool(self) -> int:
        """The maximum number of database connections of a server process."""
        return self.connections or self.threads + self.hash_threads + MORE_CONNECTIONS

    @property
    def limits(self) -> Limits:
        """The rate limits."""
        factor = DEMO_LIMIT_FACTOR if self.demo else 1
        given = {name: getattr(self, name) for name in DEFAULT_LIMITS}
        return Limits(
            **{name: factor * DEFAULT_LIMITS[name] if limit is None else limit for name, limit in given.items()}
        )

    @property
    def proxies(self) -> Proxies:
        """The trusted proxies."""
        networks: list[IpNetwork] = [
            ipaddress.ip_network(part) for part in converters.comma_separated(self.trusted_proxies)
        ]
        return Proxies(networks)

    @property
    def origins(self) -> list[str]:
        """The web origins whose scripts may read responses."""
        return converters.comma_separated(self.cors_origins)

    @property
    def origin_pattern(self) -> str | None:
        """A pattern of the origins of this machine with `demo`, for front ends under development. Otherwise None."""
        return LOCAL_ORIGINS if self.demo else None

    def export(self, environment: MutableMapping[str, str]) -> None:
        """Writes the settings as environment variables, for processes that read them without flags."""
        for field in attrs.fields(Settings):
            value = getattr(self, field.name)
            if isinstance(value, Secret):
                value = value.get_secret_value()
            if value is not None:
                environment[variable_name(field.name)] = str(value)


def variable_name(setting: str) -> str:
    """The environment variable of a setting."""
    return VARIABLE_PREFIX + setting.upper()


def flag_name(setting: str) -> str:
    """The flag of a setting, if a command has one."""
    return "--" + setting.replace("_", "-")


def read_settings(flags: Mapping[str, Any] | None = None) -> Settings:
    """Reads the settings. `flags` are the values of flags by the names of settings. None: the flag was not given.

    Raises:
        BadSettings: names every flag and variable that is unknown or out of its limits.
    """
    given = {name: value for name, value in (flags or {}).items() if value is not None}
    faults = _unknown_variables()

    # typed-settings prescribes the names of the parameters.
    def check(settings_dict: SettingsDict, settings_cls: SettingsClass, options: OptionList) -> SettingsDict:  # noqa: ARG001
        faults.extend(_faults(settings_dict, given, options))
        if faults:
            raise BadSettings("; ".join(faults))
        return settings_dict

    return load_settings(
        Settings, [SettingVariables(), DictLoader(given)], processors=[check], converter=get_default_ts_converter()
    )


def _faults(loaded: SettingsDict, given: Mapping[str, Any], options: OptionList) -> Sequence[str]:
    """The faults of raw values. They are found before typed-settings converts the values, because its own message would
    print a secret.
    """
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
    return flag_name(name) if name in given else variable_name(name)


def _unknown_variables() -> list[str]:
    known = {variable_name(field.name) for field in attrs.fields(Settings)} | {ADMIN_PASSWORD}
    return [f"{ascii(name)[1:-1]} is not a setting" for name in unknown_variables(known)]
