"""Reading and writing in the conversations of orders."""

import re
from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Query, Response
from foyer_chassis.auth import Caller, CurrentCaller, requires
from foyer_chassis.db import Transaction
from foyer_chassis.errors import NotFoundError
from foyer_chassis.http import InTransaction, Reading
from foyer_chassis.idempotency import Answer, OncePerKey
from pydantic import AfterValidator, BaseModel, Field, StringConstraints

from . import store, use_cases
from .domain import LONGEST_TEXT, Conversation, Message, Person, Thread, threads_of
from .texts import Texts

WHO = [requires("chat:own", "chat:orders")]
#: Roles that read every internal thread.
OVERSEERS = frozenset({"administrator"})
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")


def _plain(text: str) -> str:
    text = text.replace("\r\n", "\n")
    if _CONTROL.search(text):
        raise ValueError("control characters other than tab and line feed are not allowed")
    return text


Text = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=LONGEST_TEXT),
    AfterValidator(_plain),
]


class ThreadOut(BaseModel):
    thread: Thread
    unread: int = Field(description="messages of others that the caller has not read")


class ConversationOut(BaseModel):
    """The conversation of an order, with the threads that the caller may read."""

    id: UUID
    order_id: UUID
    number: int | None = Field(description="the order's number; null for a moment after it was placed")
    threads: list[ThreadOut]
    created_at: datetime


class AuthorOut(BaseModel):
    kind: Literal["customer", "staff", "system"]
    id: UUID | None
    name: str | None


class MessageOut(BaseModel):
    """One message; `text` is plain, a system message's is in the caller's language."""

    id: UUID
    position: int = Field(description="grows within the conversation; `after` of the next page")
    thread: Thread
    author: AuthorOut
    text: str
    template: str | None = Field(description="of a system message: its stable name")
    created_at: datetime = Field(description="when it was written, or when what it tells of happened")


class MessagePage(BaseModel):
    items: list[MessageOut]
    next: int | None = Field(description="pass it as `after` for the next page; null on the last one")


class MessageIn(BaseModel):
    thread: Thread = Thread.PUBLIC
    text: Text


class ReadIn(BaseModel):
    thread: Thread = Thread.PUBLIC
    through: int = Field(ge=0, le=2**31 - 1, description="position of the newest message that was read")


class UnreadOut(BaseModel):
    unread: int


def router(texts: Texts) -> APIRouter:
    """The routes, with system messages put into words by `texts`."""
    router = APIRouter(prefix="/v1", tags=["conversations"])

    @router.get("/orders/{order_id}/conversation", dependencies=WHO)
    async def conversation_of_order(order_id: UUID, reading: Reading, caller: CurrentCaller) -> ConversationOut:
        """The order's conversation. Applicants see that of their own order, with the public thread only."""
        conversation = await store.of_order(reading, order_id)
        person = _person(caller)
        threads = () if conversation is None else threads_of(conversation, person)
        if conversation is None or not threads:
            raise NotFoundError
        unread = await store.unread(reading, conversation.id, caller.id, threads)
        return _conversation_out(conversation, unread)

    @router.get("/conversations/{conversation_id}/messages", dependencies=WHO)
    async def messages(
        conversation_id: UUID,
        reading: Reading,
        caller: CurrentCaller,
        thread: Thread = Thread.PUBLIC,
        after: Annotated[int, Query(ge=0, le=2**31 - 1)] = 0,
        limit: Annotated[int, Query(ge=1, le=200)] = 100,
    ) -> MessagePage:
        """Messages of one thread, oldest first. A thread that the caller may not read is not there (404)."""
        await use_cases.readable(reading, conversation_id, _person(caller), thread=thread)
        found = await store.page(reading, conversation_id, thread, after=after, limit=limit)
        return MessagePage(
            items=[_message_out(message, texts, caller.locale) for message in found],
            next=found[-1].position if len(found) == limit else None,
        )

    @router.post(
        "/conversations/{conversation_id}/messages",
        dependencies=WHO,
        status_code=201,
        response_model=MessageOut,
    )
    async def post_message(conversation_id: UUID, body: MessageIn, once: OncePerKey, caller: CurrentCaller) -> Response:
        """Write a message. Applicants write in the public thread, staff in both that they may read."""

        async def command(transaction: Transaction) -> Answer:
            message = await use_cases.post(
                transaction, conversation_id, _person(caller), thread=body.thread, text=body.text
            )
            return Answer(_message_out(message, texts, caller.locale), 201)

        return await once.run(command)

    @router.post("/conversations/{conversation_id}/read", dependencies=WHO)
    async def mark_read(
        conversation_id: UUID, body: ReadIn, transaction: InTransaction, caller: CurrentCaller
    ) -> UnreadOut:
        """Say how far the caller has read a thread. Can be repeated; it never goes back."""
        left = await use_cases.mark_read(
            transaction, conversation_id, _person(caller), thread=body.thread, through=body.through
        )
        return UnreadOut(unread=left)

    return router


def _person(caller: Caller) -> Person:
    return Person(
        id=caller.id,
        name=caller.name,
        serves_orders=caller.may("chat:orders"),
        sees_all=bool(caller.roles & OVERSEERS),
    )


def _conversation_out(conversation: Conversation, unread: dict[Thread, int]) -> ConversationOut:
    return ConversationOut(
        id=conversation.id,
        order_id=conversation.order_id,
        number=conversation.number,
        threads=[ThreadOut(thread=thread, unread=count) for thread, count in unread.items()],
        created_at=conversation.created_at,
    )


def _message_out(message: Message, texts: Texts, locale: str) -> MessageOut:
    text = message.text
    if text is None:
        assert message.template is not None
        text = texts.render(message.template, message.facts, locale)
    return MessageOut(
        id=message.id,
        position=message.position,
        thread=message.thread,
        author=AuthorOut(kind=message.author_kind, id=message.author_id, name=message.author_name),
        text=text,
        template=message.template,
        created_at=message.created_at,
    )
