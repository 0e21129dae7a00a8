"""The settings of payment providers."""

import pytest

from sellout_adapters.payments.sandbox import SandboxBank
from sellout_adapters.payments.webhook import WebhookProvider
from sellout_core.ports.payments import NoPaymentProvider
from sellout_http.server.composition import open_payments
from sellout_http.settings.model import read_settings
from sellout_http.settings.signing_key import BadSettings

KEY = "a key of thirty-two bytes or more"
URL = "https://pay.example/shop"


def test_the_setting_names_the_provider() -> None:
    for given, kind in (
        ({}, NoPaymentProvider),
        ({"demo": True}, SandboxBank),
        ({"demo": True, "payment_provider": "manual"}, NoPaymentProvider),
        ({"payment_provider": "sandbox"}, SandboxBank),
        ({"payment_provider": "webhook", "payment_url": URL, "payment_keys": f"{KEY},{KEY}"}, WebhookProvider),
    ):
        settings = read_settings(given)
        provider = open_payments(settings, "a secret key")
        assert type(provider) is kind
        for secret in (KEY, "a secret key"):
            assert secret not in repr((settings, provider))


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
    ],
    ids=range(12),
)
def test_a_setting_that_is_wrong_or_missing_is_named(given: dict[str, str]) -> None:
    with pytest.raises(BadSettings, match=r"(?i)payment") as refusal:
        open_payments(read_settings(given), "")
    assert KEY not in str(refusal.value)
