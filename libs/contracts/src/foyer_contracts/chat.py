"""Events that the chat service publishes."""

from typing import ClassVar, Literal
from uuid import UUID

from .envelope import EventData


class ConversationOpened(EventData):
    """The conversation of an order exists; both threads are open."""

    type: ClassVar[str] = "chat.conversation.opened.v1"

    conversation_id: UUID
    order_id: UUID


class MessagePosted(EventData):
    """A message was written. The text itself is read from chat, by those who may."""

    type: ClassVar[str] = "chat.message.posted.v1"

    message_id: UUID
    conversation_id: UUID
    order_id: UUID
    thread: Literal["public", "internal"]
    author_kind: Literal["customer", "staff", "system"]
    author_id: UUID | None = None
    applicant_id: UUID
