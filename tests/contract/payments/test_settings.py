"""The settings of payment providers."""

import sys

import pytest

from sellout_adapters.payments.sandbox import SandboxBank
from sellout_adapters.payments.stripe import StripeProvider
from sellout_adapters.payments.webhook import WebhookProvider
from sellout_core.ports.payments import NoPaymentProvider
from sellout_http.server.composition import open_payments
from sellout_http.settings.model import read_settings
from sellout_http.settings.signing_key import BadSettings

KEY = "a key of thirty-two bytes or more"
URL = "https://pay.example/shop"
STRIPE_KEY = "sk_live_0123456789abcdefghij"
STRIPE_SECRET = "whsec_0123456789abcdefghij"
STRIPE = {
    "payment_provider": "stripe",
    "stripe_secret_key": STRIPE_KEY,
    "stripe_webhook_secret": STRIPE_SECRET,
    "payment_return_url": "https://shop.example/paid",
}


def test_the_setting_names_the_provider() -> None:
    for given, kind in (
        ({}, NoPaymentProvider),
        ({"demo": True}, SandboxBank),
        ({"demo": True, "payment_provider": "manual"}, NoPaymentProvider),
        ({"payment_provider": "sandbox"}, SandboxBank),
        ({"payment_provider": "webhook", "payment_url": URL, "payment_keys": f"{KEY},{KEY}"}, WebhookProvider),
        (STRIPE, StripeProvider),
        ({**STRIPE, "stripe_secret_key": STRIPE_KEY.replace("sk_live", "rk_test")}, StripeProvider),
    ):
        settings = read_settings(given)
        provider = open_payments(settings, "a secret key")
        assert type(provider) is kind
        for secret in (KEY, "a secret key", STRIPE_KEY, STRIPE_SECRET):
            assert secret not in repr((settings, provider))


def test_two_shops_with_one_account_have_different_keys() -> None:
    settings = read_settings(STRIPE)
    prefixes = set()
    for key in (KEY, KEY, "another key of thirty-two bytes or more"):
        provider = open_payments(settings, key)
        assert isinstance(provider, StripeProvider)
        prefixes.add(provider.prefix)
    assert len(prefixes) == 2


@pytest.mark.parametrize(
    "given",
    [
        {"payment_provider": "bank"},
        {"payment_provider": "webhook"},
        {"payment_provider": "webhook", "payment_url": URL},
        {"payment_url": URL},
        {"payment_keys": KEY},
        {"payment_provider": "webhook", "payment_url": "http://pay.example", "payment_keys": KEY},
        {"payment_provider": "webhook", "payment_url": "https://me@pay.example", "payment_keys": KEY},
        {"payment_provider": "webhook", "payment_url": f"{URL}?a=b", "payment_keys": KEY},
        {"payment_provider": "webhook", "payment_url": "https://pay.example:x", "payment_keys": KEY},
        {"payment_provider": "webhook", "payment_url": URL, "payment_keys": "short"},
        {"payment_provider": "webhook", "payment_url": URL, "payment_keys": f"{KEY}, {KEY}"},
        {"payment_timeout": 0},
        {**STRIPE, "payment_provider": "webhook"},
        {**STRIPE, "payment_provider": "manual"},
        {**STRIPE, "payment_url": URL},
        *({name: value for name, value in STRIPE.items() if name != left_out} for left_out in STRIPE),
        {**STRIPE, "stripe_secret_key": "pk_live_0123456789abcdefghij"},
        {**STRIPE, "stripe_secret_key": STRIPE_KEY + "\n"},
        {**STRIPE, "stripe_webhook_secret": STRIPE_KEY},
        {**STRIPE, "payment_return_url": "http://shop.example/paid"},
        {**STRIPE, "payment_return_url": "https://shop.example/paid?a=b"},
    ],
    ids=range(24),
)
def test_a_setting_that_is_wrong_or_missing_is_named(given: dict[str, str]) -> None:
    with pytest.raises(BadSettings, match=r"(?i)payment|stripe") as refusal:
        open_payments(read_settings(given), "")
    assert not any(secret in str(refusal.value) for secret in (KEY, STRIPE_KEY, STRIPE_SECRET))


def test_a_provider_without_its_package_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "sellout_adapters.payments.stripe")
    monkeypatch.setitem(sys.modules, "stripe", None)
    with pytest.raises(BadSettings, match=r"pip install 'sellout\[stripe\]'"):
        open_payments(read_settings(STRIPE), "")
