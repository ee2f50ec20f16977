"""Events that the chat service publishes."""

from typing import ClassVar, Literal
from uuid import UUID

from pydantic import Field, StrictInt

from .envelope import EventData


class ConversationOpened(EventData):
    """The conversation of an order exists; both threads are open."""

    type: ClassVar[str] = "chat.conversation.opened.v1"

    conversation_id: UUID
    order_id: UUID


class MessagePosted(EventData):
    """A message was written. The text itself is read from chat, by those who may.

    `count` is how many messages this kind of author has written in this thread so far, with this one: against
    `ConversationRead.seen` it tells what is unread, in whatever order the two arrive.
    """

    type: ClassVar[str] = "chat.message.posted.v1"

    message_id: UUID
    conversation_id: UUID
    order_id: UUID
    thread: Literal["public", "internal"]
    author_kind: Literal["customer", "staff", "system"]
    author_id: UUID | None = None
    applicant_id: UUID
    count: StrictInt | None = Field(default=None, ge=1)


class ConversationRead(EventData):
    """One side has read the public thread of an order (B28).

    Attributes:
        reader_kind: the customer, or anybody of the staff.
        seen: how many messages of the other side that is, from the beginning.
    """

    type: ClassVar[str] = "chat.conversation.read.v1"

    conversation_id: UUID
    order_id: UUID
    reader_kind: Literal["customer", "staff"]
    reader_id: UUID
    seen: StrictInt = Field(ge=0)


class DialogOpened(EventData):
    """A customer asks about an offering before ordering it (B27)."""

    type: ClassVar[str] = "chat.dialog.opened.v1"

    conversation_id: UUID
    customer_id: UUID
    offering_id: UUID
    offering_title: str
    responsible_ids: list[UUID]


class DialogPosted(EventData):
    """A message was written in a dialog before an order. The text itself is read from chat, by those who may."""

    type: ClassVar[str] = "chat.dialog.posted.v1"

    message_id: UUID
    conversation_id: UUID
    customer_id: UUID
    offering_id: UUID
    author_kind: Literal["customer", "staff", "system"]
    author_id: UUID | None = None
    responsible_ids: list[UUID]


class DialogConverted(EventData):
    """An operator turns a dialog into a draft order (B27); orders makes the draft with this `draft_id`."""

    type: ClassVar[str] = "chat.dialog.converted.v1"

    conversation_id: UUID
    draft_id: UUID
    customer_id: UUID
    offering_id: UUID
    operator_id: UUID
