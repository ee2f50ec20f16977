"""Events that the notifications service publishes."""

from typing import ClassVar
from uuid import UUID

from .envelope import EventData


class DeliverySent(EventData):
    """A notification left through a channel (`email`, `push`, `sms`, `telegram`) and was accepted there."""

    type: ClassVar[str] = "notifications.delivery.sent.v1"

    delivery_id: UUID
    recipient_id: UUID
    channel: str
    template: str
    caused_by: str


class DeliveryFailed(EventData):
    """A notification could not be delivered after all attempts, or the channel refused it for good."""

    type: ClassVar[str] = "notifications.delivery.failed.v1"

    delivery_id: UUID
    recipient_id: UUID
    channel: str
    template: str
    caused_by: str
    reason: str
