"""Reading and writing in the conversations of orders, and in dialogs before them."""

import re
from datetime import datetime
from typing import Annotated, Any, Literal, Self
from uuid import UUID

from fastapi import APIRouter, Query, Response
from foyer_chassis.auth import Caller, CurrentCaller, requires
from foyer_chassis.db import Transaction
from foyer_chassis.errors import NotFoundError
from foyer_chassis.http import InTransaction, Reading
from foyer_chassis.idempotency import Answer, OncePerKey
from pydantic import AfterValidator, BaseModel, Field, StringConstraints, model_validator

from ..domain.conversations import (
    LONGEST_TEXT,
    Conversation,
    Message,
    Person,
    SentFile,
    Thread,
    readable_threads,
    side_of,
    writable_threads,
)
from ..domain.files import MOST_FILES_A_MESSAGE
from ..store import conversations as store
from ..store import messages as said
from ..texts import Texts
from ..use_cases import conversations as use_cases

OF_ORDERS = [requires("chat:own", "orders:read_all", "orders:read_assigned")]
OF_ANY = [requires("chat:own", "orders:read_all", "orders:read_assigned", "chat:clients")]
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
Position = Annotated[int, Query(ge=0, le=2**31 - 1)]


class ThreadOut(BaseModel):
    thread: Thread
    unread: int = Field(
        description="public: messages of the other side that the caller's side has not read; "
        "internal: messages of others that the caller has not read"
    )
    may_write: bool


class ConversationOut(BaseModel):
    """The conversation of an order, with the threads that the caller may read."""

    id: UUID
    order_id: UUID
    number: int | None = Field(description="the order's number")
    threads: list[ThreadOut]
    created_at: datetime


class AuthorOut(BaseModel):
    kind: Literal["customer", "staff", "system"]
    id: UUID | None
    name: str | None


class FileOut(BaseModel):
    id: UUID
    name: str
    media_type: str
    size_bytes: int
    picture: bool = Field(description="there is a small picture of it: `GET …/files/{id}/picture`")


class MessageOut(BaseModel):
    """One message; `text` is plain, a system message's is in the caller's language."""

    id: UUID
    position: int = Field(description="grows within the conversation; `after` of the next page")
    thread: Thread
    author: AuthorOut
    text: str
    template: str | None = Field(description="of a system message: its stable name")
    facts: dict[str, Any] = Field(description="of a system message: what its text is made of")
    created_at: datetime = Field(description="when it was written, or when what it tells of happened")
    edited_at: datetime | None
    deleted_at: datetime | None
    files: list[FileOut]


class EditIn(BaseModel):
    text: Text


class FormerOut(BaseModel):
    text: str
    until: datetime


class FormerPage(BaseModel):
    items: list[FormerOut]


class MessagePage(BaseModel):
    items: list[MessageOut]
    next: int | None = Field(
        description="pass it as `after` (or as `before`, when that was asked) for the next page; null on the last one"
    )


class MessageIn(BaseModel):
    """Words, files, or both."""

    thread: Thread = Thread.PUBLIC
    text: Text | Literal[""] = ""
    file_ids: list[UUID] = Field(
        default=[], max_length=MOST_FILES_A_MESSAGE, description="of files that the caller has put into this thread"
    )

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if not self.text and not self.file_ids:
            raise ValueError("a message has a text or files")
        return self


class ReadIn(BaseModel):
    thread: Thread = Thread.PUBLIC
    through: int = Field(ge=0, le=2**31 - 1, description="position of the newest message that was read")


class UnreadOut(BaseModel):
    unread: int


def router(texts: Texts) -> APIRouter:
    """The routes, with system messages put into words by `texts`."""
    router = APIRouter(prefix="/v1", tags=["conversations"])

    @router.get("/orders/{order_id}/conversation", dependencies=OF_ORDERS)
    async def conversation_of_order(order_id: UUID, reading: Reading, caller: CurrentCaller) -> ConversationOut:
        """The order's conversation. Applicants see that of their own order, with the public thread only."""
        conversation = await store.of_order(reading, order_id)
        person = person_of(caller)
        if conversation is None or not readable_threads(conversation, person):
            raise NotFoundError
        return ConversationOut(
            id=conversation.id,
            order_id=order_id,
            number=conversation.number,
            threads=await threads_out(reading, conversation, person),
            created_at=conversation.created_at,
        )

    @router.get("/conversations/{conversation_id}/messages", dependencies=OF_ANY)
    async def messages(
        conversation_id: UUID,
        reading: Reading,
        caller: CurrentCaller,
        thread: Thread = Thread.PUBLIC,
        after: Position = 0,
        before: Position | None = None,
        limit: Annotated[int, Query(ge=1, le=200)] = 100,
        q: Annotated[
            str | None,
            Query(min_length=2, max_length=100, description="what their words or the names of their files contain"),
        ] = None,
    ) -> MessagePage:
        """Messages of one thread, oldest first: those next after a position, or with `before` those last before one.

        A thread that the caller may not read is not there (404).
        """
        await use_cases.readable(reading, conversation_id, person_of(caller), thread=thread)
        found = await said.page(reading, conversation_id, thread, after=after, before=before, limit=limit, containing=q)
        end = None if len(found) < limit else found[-1].position if before is None else found[0].position
        return MessagePage(items=[message_out(message, texts, caller.locale) for message in found], next=end)

    @router.post(
        "/conversations/{conversation_id}/messages", dependencies=OF_ANY, status_code=201, response_model=MessageOut
    )
    async def post_message(conversation_id: UUID, body: MessageIn, once: OncePerKey, caller: CurrentCaller) -> Response:
        """Write a message. Writing to the client on an order needs `orders:edit` for its kind (B1); the internal
        thread is for those responsible for the offering and the assignee."""

        async def command(transaction: Transaction) -> Answer:
            message = await use_cases.post(
                transaction,
                conversation_id,
                person_of(caller),
                thread=body.thread,
                text=body.text,
                file_ids=body.file_ids,
            )
            return Answer(message_out(message, texts, caller.locale), 201)

        return await once.run(command)

    @router.patch("/conversations/{conversation_id}/messages/{message_id}", dependencies=OF_ANY)
    async def edit_message(
        conversation_id: UUID, message_id: UUID, body: EditIn, transaction: InTransaction, caller: CurrentCaller
    ) -> MessageOut:
        """Change the caller's own message, within 15 minutes. Staff can see what it said before."""
        message = await use_cases.edit(transaction, conversation_id, message_id, person_of(caller), text=body.text)
        return message_out(message, texts, caller.locale)

    @router.delete("/conversations/{conversation_id}/messages/{message_id}", dependencies=OF_ANY)
    async def delete_message(
        conversation_id: UUID, message_id: UUID, transaction: InTransaction, caller: CurrentCaller
    ) -> MessageOut:
        """Take the caller's own message back. That there was one stays visible; staff can see what it said."""
        message = await use_cases.edit(transaction, conversation_id, message_id, person_of(caller), text=None)
        return message_out(message, texts, caller.locale)

    @router.get(
        "/conversations/{conversation_id}/messages/{message_id}/former",
        dependencies=[requires("orders:edit", "chat:clients")],
    )
    async def former_texts(
        conversation_id: UUID, message_id: UUID, reading: Reading, caller: CurrentCaller
    ) -> FormerPage:
        """What a message said before it was changed or deleted, for staff who may read it; never for its applicant."""
        person = person_of(caller)
        message = await use_cases.readable_message(reading, conversation_id, message_id, person)
        conversation = await use_cases.readable(reading, conversation_id, person, thread=message.thread)
        if side_of(conversation, person) != "staff":
            raise NotFoundError
        found = await said.former(reading, message_id)
        return FormerPage(items=[FormerOut(text=text, until=until) for until, text in found])

    @router.post("/conversations/{conversation_id}/read", dependencies=OF_ANY)
    async def mark_read(
        conversation_id: UUID, body: ReadIn, transaction: InTransaction, caller: CurrentCaller
    ) -> UnreadOut:
        """Say how far a thread was read: the public one by the caller's side (the customer, or the staff), the internal
        one by the caller. Can be repeated; it never goes back."""
        left = await use_cases.mark_read(
            transaction, conversation_id, person_of(caller), thread=body.thread, through=body.through
        )
        return UnreadOut(unread=left)

    return router


def person_of(caller: Caller) -> Person:
    return Person(
        id=caller.id,
        name=caller.name,
        reads_all=caller.kinds("orders:read_all"),
        reads_assigned=caller.kinds("orders:read_assigned"),
        edits=caller.kinds("orders:edit"),
        clients=caller.kinds("chat:clients"),
        locations=caller.locations,
    )


async def threads_out(reading: Transaction, conversation: Conversation, person: Person) -> list[ThreadOut]:
    writable = writable_threads(conversation, person)
    unread = await use_cases.unread(reading, conversation, person)
    return [ThreadOut(thread=thread, unread=count, may_write=thread in writable) for thread, count in unread.items()]


def message_out(message: Message, texts: Texts, locale: str) -> MessageOut:
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
        facts=dict(message.facts),
        created_at=message.created_at,
        edited_at=message.edited_at,
        deleted_at=message.deleted_at,
        files=[file_out(file) for file in message.files],
    )


def file_out(file: SentFile) -> FileOut:
    return FileOut(
        id=file.id, name=file.name, media_type=file.media_type, size_bytes=file.size_bytes, picture=file.picture
    )
