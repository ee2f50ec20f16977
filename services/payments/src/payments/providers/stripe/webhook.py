"""Stripe's webhooks: whether one is signed, and what it is about (https://docs.stripe.com/webhooks)."""

import hashlib
import hmac
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from pydantic import BaseModel, Field

from ...providing import Notification
from .shapes import our_id

#: A signature older than this is a replay (https://docs.stripe.com/webhooks#replay-attacks).
SIGNATURE_TOLERANCE = timedelta(minutes=5)


def is_signed(body: bytes, header: str | None, secret: str, *, now: datetime) -> bool:
    """Whether a webhook was signed with our secret not long ago (https://docs.stripe.com/webhooks#verify-manually)."""
    stamp, signatures = "", []
    for item in (header or "").split(","):
        name, _, value = item.strip().partition("=")
        if name == "t":
            stamp = value
        elif name == "v1":
            signatures.append(value)
    if not (secret and stamp.isascii() and stamp.isdigit() and len(stamp) < 12):
        return False
    if abs(now - datetime.fromtimestamp(int(stamp), UTC)) > SIGNATURE_TOLERANCE:
        return False
    expected = hmac.new(secret.encode(), stamp.encode() + b"." + body, hashlib.sha256).hexdigest()
    return any(hmac.compare_digest(expected.encode(), given.encode()) for given in signatures)


class _Object(BaseModel):
    id: str = Field(min_length=1, max_length=255)
    object: str = Field(max_length=64)
    metadata: dict[str, Any] | None = None


class _Data(BaseModel):
    object: _Object


class _Event(BaseModel):
    type: str = Field(max_length=128)
    data: _Data


_ABOUT: dict[str, Literal["payment", "refund", "dispute"]] = {
    "checkout.session": "payment",
    "payment_intent": "payment",
    "refund": "refund",
    "dispute": "dispute",
}


def read(body: bytes) -> Notification:
    """Raises ValueError: it is no event."""
    changed = _Event.model_validate_json(body).data.object
    metadata = {key: str(value) for key, value in (changed.metadata or {}).items()}
    return Notification(_ABOUT.get(changed.object), changed.id, our_id(metadata, "payment_id"))
