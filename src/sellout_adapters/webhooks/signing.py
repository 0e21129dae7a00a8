"""The headers of a signed webhook (Standard Webhooks, "Webhook Headers")."""

import base64
import hashlib
import hmac
from collections.abc import Sequence
from datetime import datetime

from sellout_core.events.subscriptions import secret_bytes

__all__ = ["signed_headers"]


def signed_headers(secrets: Sequence[str], message_id: str, at: datetime, content: bytes) -> dict[str, str]:
    """The id, the time and the signatures of a message.

    Args:
        secrets: The secrets, each of which signs.
        message_id: The id, which is the same for each attempt.
        at: The time of the attempt.
        content: The bytes of the body.
    """
    seconds = str(int(at.timestamp()))
    signed = f"{message_id}.{seconds}.".encode() + content
    digests = [hmac.new(secret_bytes(secret), signed, hashlib.sha256).digest() for secret in secrets]
    return {
        "webhook-id": message_id,
        "webhook-timestamp": seconds,
        "webhook-signature": " ".join(f"v1,{base64.b64encode(digest).decode()}" for digest in digests),
    }
