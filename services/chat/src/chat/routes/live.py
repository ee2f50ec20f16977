"""Conversations live: a WebSocket that shows what is said, read and typed, and resumes where it broke off.

Frames are JSON objects with a `type`. From the client:

- `subscribe`: `conversation_id`; `after`, the position last seen (without it: from now on); `version`, as last told,
  for edits that were missed. Also the way to resume after a lost connection: no gap and no double.
- `unsubscribe`: `conversation_id`
- `read`: `conversation_id`, `thread`, `through`, as in `POST …/read`
- `typing`: `conversation_id`, `thread`

To the client: `subscribed` (threads, last position, version, how far the sides have read), `message`, `changed` (edited
or deleted), `read` (a side has read further), `typing`, `gone` (no longer theirs to read), `error` (a problem of
RFC 9457).

Messages are written by HTTP, where a lost answer can be asked for again.
"""

import asyncio
import base64
import contextlib
import json
import time
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, WebSocket, WebSocketDisconnect
from fastapi.responses import JSONResponse
from foyer_chassis import log
from foyer_chassis.auth import Caller, Verifier
from foyer_chassis.db import Database
from foyer_chassis.errors import (
    ForbiddenError,
    InvalidError,
    NotFoundError,
    Problem,
    UnauthenticatedError,
    UnavailableError,
)
from pydantic import BaseModel, Field, TypeAdapter, ValidationError

from ..domain.conversations import Conversation, Message, Person, Thread, readable_threads, side_of, writable_threads
from ..store import messages
from ..texts import Texts
from ..use_cases import conversations as use_cases
from .conversations import message_out, person_of
from .hub import Hub, Room

PERMISSIONS = ("chat:own", "orders:read_all", "orders:read_assigned", "chat:clients")
MOST_SUBSCRIPTIONS = 100
MOST_FRAME_BYTES = 4096
#: A client that sends more frames than this in a second is shown out.
FRAMES_A_SECOND = 20
TYPING_EVERY_SECONDS = 2.0
#: Answers, and news that nobody keeps, that wait to be sent; of more the oldest are lost.
MOST_WAITING = 100
#: Who does not take a frame for so long is dropped, and resumes when they can.
SLOW_SECONDS = 10.0
ROOM_SECONDS = 5.0
PAGE = 200

UNAUTHENTICATED, FULL, TOO_BIG, MISBEHAVED = 4401, 1013, 1009, 1008

_logger = log.get(__name__)


class Subscribe(BaseModel):
    type: Literal["subscribe"]
    conversation_id: UUID
    after: int | None = Field(default=None, ge=0, le=2**31 - 1)
    version: int | None = Field(default=None, ge=0, le=2**31 - 1)


class Unsubscribe(BaseModel):
    type: Literal["unsubscribe"]
    conversation_id: UUID


class Read(BaseModel):
    type: Literal["read"]
    conversation_id: UUID
    thread: Thread = Thread.PUBLIC
    through: int = Field(ge=0, le=2**31 - 1)


class Typing(BaseModel):
    type: Literal["typing"]
    conversation_id: UUID
    thread: Thread = Thread.PUBLIC


Frame = Annotated[Subscribe | Unsubscribe | Read | Typing, Field(discriminator="type")]
_FRAME: TypeAdapter[Subscribe | Unsubscribe | Read | Typing] = TypeAdapter(Frame)


@dataclass(eq=False)
class Subscription:
    """A conversation on one socket: what was shown of it."""

    room: Room
    leave: ExitStack
    position: int | None
    version: int | None
    greeted: bool = False
    marks: tuple[int, int] = (0, 0)
    typed_at: float = field(default=-TYPING_EVERY_SECONDS)


class Socket:
    """One connection. One task takes frames, another is the only one that sends; both end together."""

    def __init__(self, websocket: WebSocket, caller: Caller, *, hub: Hub, database: Database, texts: Texts) -> None:
        self._websocket = websocket
        self._person: Person = person_of(caller)
        self._locale = caller.locale
        self._hub = hub
        self._database = database
        self._texts = texts
        self._subscriptions: dict[UUID, Subscription] = {}
        self._woken = asyncio.Event()
        # Bounded: what nobody keeps may be lost on who is slow. No deques: they take a KiB while they are empty.
        self._fleeting: list[dict[str, Any]] = []
        self._answers: list[dict[str, Any]] = []
        self._frames_left, self._second = FRAMES_A_SECOND, 0

    def wake(self) -> None:
        self._woken.set()

    def fleeting(self, room: Room, news: dict[str, Any]) -> None:
        conversation = room.conversation
        if conversation is None or news.get("person_id") == str(self._person.id):
            return
        if news.get("thread") in readable_threads(conversation, self._person):
            self._fleeting = [*self._fleeting[1 - MOST_WAITING :], news]
            self.wake()

    async def run(self, *, seconds: float) -> int:
        """Until either side ends it, or `seconds` are over, with the token. The code to close with."""
        tasks = [asyncio.create_task(self._take()), asyncio.create_task(self._send_all())]
        try:
            done, _ = await asyncio.wait(tasks, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
            if not done:
                return UNAUTHENTICATED
            return next(iter(done)).result()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            for subscription in self._subscriptions.values():
                subscription.leave.close()

    async def _take(self) -> int:
        while True:
            text = await self._websocket.receive_text()
            if len(text) > MOST_FRAME_BYTES:
                return TOO_BIG
            second = int(time.monotonic())
            if second != self._second:
                self._frames_left, self._second = FRAMES_A_SECOND, second
            self._frames_left -= 1
            if self._frames_left < 0:
                return MISBEHAVED
            try:
                await self._obey(_FRAME.validate_json(text))
            except ValidationError as error:
                self._complain(InvalidError(f"{error.error_count()} problems with the frame", errors=_fields(error)))
            except Problem as problem:
                self._complain(problem)

    async def _obey(self, frame: Subscribe | Unsubscribe | Read | Typing) -> None:
        match frame:
            case Subscribe():
                await self._subscribe(frame)
            case Unsubscribe():
                if (subscription := self._subscriptions.pop(frame.conversation_id, None)) is not None:
                    subscription.leave.close()
            case Read():
                async with self._database.transaction() as transaction:
                    await use_cases.mark_read(
                        transaction, frame.conversation_id, self._person, thread=frame.thread, through=frame.through
                    )
            case Typing():
                self._type(frame)

    async def _subscribe(self, frame: Subscribe) -> None:
        if (known := self._subscriptions.pop(frame.conversation_id, None)) is not None:
            known.leave.close()
        if len(self._subscriptions) >= MOST_SUBSCRIPTIONS:
            raise InvalidError("too many subscriptions on one socket", allowed=MOST_SUBSCRIPTIONS)
        leave = ExitStack()
        # Watched before it is read, so that nothing falls between.
        room = leave.enter_context(self._hub.watching(frame.conversation_id, self))
        try:
            try:
                async with asyncio.timeout(ROOM_SECONDS):
                    await room.ready.wait()
            except TimeoutError:
                raise UnavailableError(conversation_id=str(frame.conversation_id)) from None
            if room.conversation is None or not readable_threads(room.conversation, self._person):
                raise NotFoundError(conversation_id=str(frame.conversation_id))
        except BaseException:
            leave.close()
            raise
        self._subscriptions[frame.conversation_id] = Subscription(room, leave, frame.after, frame.version)
        self.wake()

    def _type(self, frame: Typing) -> None:
        subscription = self._subscriptions.get(frame.conversation_id)
        conversation = subscription.room.conversation if subscription else None
        if subscription is None or conversation is None:
            raise NotFoundError(conversation_id=str(frame.conversation_id))
        if frame.thread not in readable_threads(conversation, self._person):
            raise NotFoundError(conversation_id=str(frame.conversation_id))
        if frame.thread not in writable_threads(conversation, self._person):
            raise ForbiddenError
        if time.monotonic() - subscription.typed_at >= TYPING_EVERY_SECONDS:
            subscription.typed_at = time.monotonic()
            person = {"person_id": str(self._person.id), "name": self._person.name}
            side = side_of(conversation, self._person)
            self._hub.say(frame.conversation_id, {"thread": frame.thread.value, "side": side, **person})

    def _complain(self, problem: Problem) -> None:
        title = problem.title_en if self._locale == "en" else problem.title_ru
        body = {"type": problem.uri(), "title": title, "status": problem.status, "detail": problem.detail}
        answer = {"type": "error", "problem": {**body, **problem.members}}
        self._answers = [*self._answers[1 - MOST_WAITING :], answer]
        self.wake()

    async def _send_all(self) -> int:
        while True:
            await self._woken.wait()
            self._woken.clear()
            while self._answers:
                await self._send(self._answers.pop(0))
            for id_, subscription in list(self._subscriptions.items()):
                await self._catch_up(id_, subscription)
            while self._fleeting:
                await self._send({"type": "typing", **self._fleeting.pop(0)})

    async def _catch_up(self, id_: UUID, subscription: Subscription) -> None:
        room = subscription.room
        conversation = room.conversation
        threads = readable_threads(conversation, self._person) if conversation is not None else ()
        if conversation is None or not threads:
            if self._subscriptions.pop(id_, None) is not None:
                subscription.leave.close()
            await self._send({"type": "gone", "conversation_id": str(id_)})
            return
        if not subscription.greeted:
            await self._greet(subscription, conversation, threads)
        await self._show_missed(subscription, threads)
        assert subscription.version is not None
        for message in [item for item in room.changed if item.changed_version > subscription.version]:
            subscription.version = message.changed_version
            await self._show("changed", message, threads)
        marks = (conversation.customer_read, conversation.staff_read)
        for side, known, mark in zip(("customer", "staff"), subscription.marks, marks, strict=True):
            if mark > known:
                await self._send({"type": "read", "conversation_id": str(id_), "side": side, "through": mark})
        subscription.marks = marks

    async def _greet(self, subscription: Subscription, conversation: Conversation, threads: tuple[Thread, ...]) -> None:
        room = subscription.room
        subscription.greeted = True
        subscription.position = min(room.last if subscription.position is None else subscription.position, room.last)
        known_version, subscription.version = subscription.version, room.version
        subscription.marks = (conversation.customer_read, conversation.staff_read)
        await self._send(
            {
                "type": "subscribed",
                "conversation_id": str(room.id),
                "threads": [thread.value for thread in threads],
                "last_position": room.last,
                "version": room.version,
                "customer_read": conversation.customer_read,
                "staff_read": conversation.staff_read,
            }
        )
        while known_version is not None:
            async with self._database.read() as reading:
                changed = await messages.changed_since(reading, room.id, version=known_version, limit=PAGE)
            for message in changed:
                if message.changed_version <= subscription.version and message.position <= subscription.position:
                    await self._show("changed", message, threads)
            known_version = changed[-1].changed_version if len(changed) == PAGE else None

    async def _show_missed(self, subscription: Subscription, threads: tuple[Thread, ...]) -> None:
        assert subscription.position is not None
        while (missed := subscription.room.after(subscription.position)) is None:
            async with self._database.read() as reading:
                page = await messages.since(reading, subscription.room.id, after=subscription.position, limit=PAGE)
            for message in page:
                subscription.position = message.position
                await self._show("message", message, threads)
            if not page:
                return
        for message in missed:
            subscription.position = message.position
            await self._show("message", message, threads)

    async def _show(self, type_: str, message: Message, threads: tuple[Thread, ...]) -> None:
        if message.thread in threads:
            shown = message_out(message, self._texts, self._locale).model_dump(mode="json")
            await self._send({"type": type_, "conversation_id": str(message.conversation_id), "message": shown})

    async def _send(self, frame: dict[str, Any]) -> None:
        async with asyncio.timeout(SLOW_SECONDS):
            await self._websocket.send_text(json.dumps(frame, ensure_ascii=False, separators=(",", ":")))


def router(texts: Texts) -> APIRouter:
    """The socket's route. The token comes in the Authorization header or, as browsers cannot set one here, in the
    query (`access_token`, RFC 6750, 2.3); the gateway's log has no queries."""
    router = APIRouter(prefix="/v1")

    @router.websocket("/live")
    async def live(websocket: WebSocket) -> None:
        state = websocket.app.state
        hub: Hub = state.hub
        try:
            token = _token(websocket)
            caller = await _caller(state.verifier, token)
        except Problem as problem:
            await _refuse(websocket, problem)
            return
        await websocket.accept()
        if hub.sockets >= state.settings.most_sockets:
            await websocket.close(FULL)
            return
        hub.sockets += 1
        code = FULL
        try:
            socket = Socket(websocket, caller, hub=hub, database=state.database, texts=texts)
            code = await socket.run(seconds=_lives(token))
        except WebSocketDisconnect:
            return
        except TimeoutError:
            _logger.info("slow_socket_dropped")
        except Exception:
            _logger.exception("socket_failed")
            code = 1011
        finally:
            hub.sockets -= 1
        with contextlib.suppress(Exception):
            async with asyncio.timeout(1):
                await websocket.close(code)

    return router


async def _caller(verifier: Verifier, token: str) -> Caller:
    caller = await verifier.verify(token)
    if not any(caller.may(permission) for permission in PERMISSIONS):
        raise ForbiddenError(needs=list(PERMISSIONS))
    return caller


def _token(websocket: WebSocket) -> str:
    scheme, _, token = websocket.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer" and token:
        return token.strip()
    if token := websocket.query_params.get("access_token", ""):
        return token
    raise UnauthenticatedError


def _lives(token: str) -> float:
    """Seconds until a verified token expires."""
    payload = token.split(".")[1]
    claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    return max(0.0, float(claims["exp"]) - time.time())


async def _refuse(websocket: WebSocket, problem: Problem) -> None:
    body = {"type": problem.uri(), "title": problem.title_en, "status": problem.status, "detail": problem.detail}
    answer = JSONResponse(body, problem.status, media_type="application/problem+json")
    await websocket.send_denial_response(answer)


def _fields(error: ValidationError) -> list[dict[str, str]]:
    return [{"field": ".".join(map(str, item["loc"])), "detail": item["msg"]} for item in error.errors()[:5]]
