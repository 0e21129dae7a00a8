"""Opens the adapters of a shop with its settings."""

import hashlib
import hmac
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import attrs
import click
from typed_settings import Secret

from sellout_adapters.extras import MissingExtra, naming_extras
from sellout_adapters.mail.folder import FolderMailer
from sellout_adapters.mail.messages import Messages, Words
from sellout_adapters.mail.smtp import SmtpMailer, SmtpServer
from sellout_adapters.one_time_codes import ISSUER, TotpCodes
from sellout_adapters.passwords import Argon2Passwords
from sellout_adapters.payments.sandbox import SandboxBank
from sellout_adapters.payments.webhook import WebhookProvider
from sellout_adapters.pictures.folder import FolderPictures
from sellout_adapters.pictures.rendering import render_picture
from sellout_adapters.sql import SqlStore, Timeouts
from sellout_adapters.system import assemble, system_clock
from sellout_adapters.webhooks.client import WebhookClient
from sellout_core.mail import Letter
from sellout_core.ports.catalogue.pictures import PictureStorage
from sellout_core.ports.mail import Mailer
from sellout_core.ports.payments import NoPaymentProvider, PaymentProvider
from sellout_core.ports.store import Store
from sellout_core.shop import Shop
from sellout_http.api.rate_limits import Counter
from sellout_http.settings.model import Settings, variable_name
from sellout_http.settings.signing_key import BadSettings

DEMO_MAIL_FOLDER: Final = "sellout-mail"
"""The folder of a demo's mail, in the current folder."""

_PROVIDER_SETTINGS: Final = {
    "webhook": ("payment_url", "payment_keys"),
    "stripe": ("stripe_secret_key", "stripe_webhook_secret", "payment_return_url"),
}
"""The settings of payment providers. Each must be set with its provider, and not with another one."""

_MADE_UP_SENDER: Final = "SellOut <shop@sellout.invalid>"


def open_store(settings: Settings, connections: int = 1, *, migrate: bool = False) -> SqlStore:
    """The store, with a maximum number of connections.

    Raises:
        CannotOpen: the database cannot be used.
    """
    return SqlStore.open(
        settings.database_url, connections=connections, timeouts=timeouts_of(settings), migrate=migrate
    )


def timeouts_of(settings: Settings) -> Timeouts:
    """The timeouts of the database."""
    return Timeouts(
        lock=settings.lock_timeout,
        statement=settings.statement_timeout,
        connect=settings.connect_timeout,
        search=settings.search_timeout_ms / 1000,
    )


def open_shop(settings: Settings, store: Store, key: str) -> Shop:
    """The shop over a store. `key` signs its tokens.

    Raises:
        BadSettings: as for `open_pictures`.
    """
    passwords = Argon2Passwords(settings.hash_time_cost, settings.hash_memory_kib, settings.hash_parallelism)
    shop = assemble(store, key, settings.policy, passwords=passwords)
    return attrs.evolve(
        shop,
        one_time_codes=TotpCodes(issuer_of(settings)),
        picture_storage=open_pictures(settings),
        render_picture=render_picture,
        payment_provider=open_payments(settings, key),
    )


def issuer_of(settings: Settings) -> str:
    """The name of the shop in authenticator apps: the host of the front end, if it is set."""
    return urlsplit(settings.public_url or "").hostname or ISSUER


def open_payments(settings: Settings, key: str) -> PaymentProvider:
    """The payment provider. `key` makes the pages of the sandbox unpredictable, and the shop's requests to Stripe
    different from another shop's.

    Raises:
        BadSettings: a setting of the provider is missing, or belongs to another one, or its package is missing.
    """
    name = settings.payment_provider or ("sandbox" if settings.demo else "manual")
    for provider, own in _PROVIDER_SETTINGS.items():
        given = [setting for setting in own if getattr(settings, setting) is not None]
        if provider != name and given:
            raise BadSettings(f"{variable_name(given[0])} needs {variable_name('payment_provider')}={provider}")
        if provider == name and len(given) < len(own):
            raise BadSettings(f"{', '.join(map(variable_name, own))} must be set for the provider {name}")
    match settings:
        case Settings(payment_provider="webhook", payment_url=str(url), payment_keys=Secret() as keys):
            return WebhookProvider(url, keys.get_secret_value().split(","), settings.payment_timeout)
        case Settings(
            payment_provider="stripe",
            stripe_secret_key=Secret() as secret,
            stripe_webhook_secret=Secret() as webhook_secret,
            payment_return_url=str(url),
        ):
            # Shops have other keys than each other.
            prefix = hmac.new(key.encode(), b"stripe", hashlib.sha256).hexdigest()[:16]
            return _stripe(settings, secret, webhook_secret, url, f"{prefix}-")
    return SandboxBank(key) if name == "sandbox" else NoPaymentProvider()


def _stripe(
    settings: Settings, key: Secret[str], webhook_secret: Secret[str], return_url: str, prefix: str
) -> PaymentProvider:
    try:
        from sellout_adapters.payments.stripe import StripeProvider  # noqa: PLC0415 - an extra
    except MissingExtra as error:
        raise BadSettings(f"the provider stripe cannot be used: {error}") from None
    return StripeProvider(
        secret_key=key.get_secret_value(),
        webhook_secret=webhook_secret.get_secret_value(),
        return_url=return_url,
        seconds=settings.payment_timeout,
        prefix=prefix,
    )


def open_webhooks(settings: Settings) -> WebhookClient:
    """The client of webhooks."""
    return WebhookClient(system_clock, settings.webhook_timeout, allow_private=settings.webhooks_allow_private)


def open_pictures(settings: Settings) -> PictureStorage:
    """The storage of pictures: a bucket, or a folder. No request is sent yet.

    Raises:
        BadSettings: a setting of the bucket is missing, or the package for buckets is.
    """
    if settings.s3_bucket is None:
        return FolderPictures(Path(settings.pictures_folder), settings.pictures_url)
    key_id, secret = settings.s3_access_key_id, settings.s3_secret_access_key
    if key_id is None or secret is None:
        both = " and ".join(map(variable_name, ("s3_access_key_id", "s3_secret_access_key")))
        raise BadSettings(f"{both} must be set for a bucket")
    if settings.pictures_url.startswith("/"):
        raise BadSettings(f"{variable_name('pictures_url')} must be the public address of the bucket's objects")
    try:
        from sellout_adapters.pictures.s3 import Bucket, S3Pictures  # noqa: PLC0415 - an extra
    except MissingExtra as error:
        raise BadSettings(f"{variable_name('s3_bucket')} cannot be used: {error}") from None
    bucket = Bucket(
        name=settings.s3_bucket,
        endpoint=settings.s3_endpoint,
        region=settings.s3_region,
        key_id=key_id,
        secret=secret.get_secret_value(),
        connect_timeout=settings.connect_timeout,
        timeout=settings.s3_timeout,
    )
    return S3Pictures(bucket, settings.pictures_url)


def messages_of(settings: Settings) -> Messages:
    """Makes mails with the links of the shop's front end."""
    own = f"http://[{settings.host}]" if ":" in settings.host else f"http://{settings.host}"
    return Messages(settings.mail_from or _MADE_UP_SENDER, settings.public_url or f"{own}:{settings.port}")


def open_mailer(settings: Settings) -> Mailer | None:
    """Sends mail. None: mail is not configured.

    Raises:
        BadSettings: settings are missing, contradict each other, or have a wrong URL.
    """
    if settings.smtp_url is not None:
        return SmtpMailer(_smtp_server(settings, settings.smtp_url.get_secret_value()), messages_of(settings))
    if not settings.sends_mail:
        return None
    folder = Path(settings.mail_folder or DEMO_MAIL_FOLDER)
    return FolderMailer(folder, messages_of(settings), _print_link if settings.demo else lambda *_: None)


def _smtp_server(settings: Settings, url: str) -> SmtpServer:
    if settings.mail_folder is not None:
        raise BadSettings(f"{variable_name('smtp_url')} and {variable_name('mail_folder')} must not both be set")
    for name in ("mail_from", "public_url"):
        if getattr(settings, name) is None:
            raise BadSettings(f"{variable_name(name)} must be set with {variable_name('smtp_url')}")
    try:
        return SmtpServer.of(url)
    except ValueError as error:
        reason = str(error) if str(error).startswith("must ") else "must have a valid host and port"
        raise BadSettings(f"{variable_name('smtp_url')} {reason}") from None


def _print_link(letter: Letter, words: Words) -> None:
    """Prints a mail of a demo. Its link is a secret, so it is not in the log."""
    click.echo(f"Mail to {letter.recipient}: {words.subject}" + (f"\n  {words.link}" if words.link else ""))


def import_exposition() -> Any:
    """The module `metrics.exposition`, whose package is an extra.

    Raises:
        BadSettings: the package is missing.
    """
    try:
        with naming_extras():
            from sellout_http.metrics import exposition  # noqa: PLC0415 - an extra
    except MissingExtra as error:
        raise BadSettings(f"{variable_name('metrics_port')} cannot be used: {error}") from None
    return exposition


def open_counter(settings: Settings) -> Counter | None:
    """The Redis counter of attempts. None: the shop's store counts them.

    Raises:
        BadSettings: the URL is wrong, or the package for Redis is missing.
    """
    if settings.redis_url is None:
        return None
    try:
        from sellout_adapters.redis_counter import RedisCounter  # noqa: PLC0415 - an extra
    except MissingExtra as error:
        raise BadSettings(f"{variable_name('redis_url')} cannot be used: {error}") from None
    try:
        return RedisCounter(settings.redis_url.get_secret_value(), settings.connect_timeout)
    except ValueError:
        raise BadSettings(f"{variable_name('redis_url')} must look like redis://host:6379/0") from None
