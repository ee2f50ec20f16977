"""YooKassa's notifications (https://yookassa.ru/developers/using-api/webhooks)."""

from typing import Any

from pydantic import BaseModel, Field

from ...providing import Notification
from .shapes import our_id


class _Object(BaseModel):
    id: str = Field(min_length=1, max_length=64)
    metadata: dict[str, Any] | None = None


class _Notification(BaseModel):
    event: str = Field(max_length=64)
    object: _Object


def read(body: bytes) -> Notification:
    """Raises ValueError: it is none."""
    said = _Notification.model_validate_json(body)
    kind = said.event.partition(".")[0]
    return Notification(
        about="payment" if kind == "payment" else "refund" if kind == "refund" else None,
        their_id=said.object.id,
        our_payment_id=our_id(said.object.metadata, "payment_id"),
    )
