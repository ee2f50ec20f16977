"""Who looks at which conversation in this process, and what they have not been shown yet.

Any process may change a conversation; after its commit it sends a notice (the broker's fan-out), and every process that
has somebody looking reads what is new, once for all of them. A notice is a hint that may be lost, so all conversations
that are looked at are also compared by their version every few seconds, and at once when notices come again after an
outage. What was read is told from a list without gaps.
"""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any, Protocol
from uuid import UUID

from foyer_chassis import log
from foyer_chassis.broker import Broker
from foyer_chassis.db import Database, is_outage
from foyer_chassis.fanout import FanoutListener, FanoutPublisher

from ..domain.conversations import Conversation, Message
from ..store import conversations as store
from ..store import messages
from ..use_cases.conversations import CHANGED

#: Channel for what is seen now or never: who is typing.
FLEETING = "chat_fleeting"
LOOK_AGAIN_SECONDS = 2.0
KEPT_MESSAGES = 200
READ_AT_ONCE = 500

_logger = log.get(__name__)


class Watcher(Protocol):
    """Somebody who looks at a conversation."""

    def wake(self) -> None: ...
    def fleeting(self, room: "Room", news: dict[str, Any]) -> None: ...


class Room:
    """A conversation that somebody looks at.

    Attributes:
        conversation: as it was when last read; None: not read yet, or it does not exist.
        recent: its newest messages of all threads, without a gap, up to `last`.
        changed: messages that were edited or deleted since the room was opened, by version.
    """

    def __init__(self, id_: UUID) -> None:
        self.id = id_
        self.conversation: Conversation | None = None
        self.recent: list[Message] = []
        self.changed: list[Message] = []
        self.last = 0
        self.version = 0
        self.watchers: set[Watcher] = set()
        self.ready = asyncio.Event()
        self._stale = True
        self._task: asyncio.Task[None] | None = None

    def after(self, position: int) -> list[Message] | None:
        """Messages after a position; None when they reach further back than what is kept."""
        if position >= self.last:
            return []
        if not self.recent or self.recent[0].position > position + 1:
            return None
        return [message for message in self.recent if message.position > position]

    def refresh(self, database: Database) -> None:
        """Read what is new; a call while that is under way makes it read once more."""
        self._stale = True
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._refresh(database), name="room")

    async def _refresh(self, database: Database) -> None:
        while self._stale:
            self._stale = False
            try:
                await self._read(database)
            except Exception as error:
                if is_outage(error):
                    _logger.warning("room_waits_for_database", error=f"{type(error).__name__}: {error}")
                else:
                    _logger.exception("room_failed")
                # The next look at all rooms finds it behind.
                return
            self.ready.set()
            for watcher in list(self.watchers):
                watcher.wake()

    async def _read(self, database: Database) -> None:
        async with database.read() as reading:
            conversation = await store.by_id(reading, self.id)
            if conversation is None:
                return
            if not self.ready.is_set():
                self.last = max(0, conversation.last_position - KEPT_MESSAGES // 2)
                self.version = conversation.version
            new = await messages.since(reading, self.id, after=self.last, limit=READ_AT_ONCE)
            changed = await messages.changed_since(reading, self.id, version=self.version, limit=READ_AT_ONCE)
        self.recent = [*self.recent, *new][-KEPT_MESSAGES:]
        if new:
            self.last = new[-1].position
        self.changed = [*self.changed, *changed][-KEPT_MESSAGES:]
        self.conversation = conversation
        self.version = changed[-1].changed_version if len(changed) == READ_AT_ONCE else conversation.version
        self._stale = self._stale or len(new) == READ_AT_ONCE or len(changed) == READ_AT_ONCE


class Hub:
    """The rooms of this process."""

    def __init__(self, database: Database, broker: Broker) -> None:
        self._database = database
        self._rooms: dict[UUID, Room] = {}
        self._publisher = FanoutPublisher(broker)
        self._look_now = asyncio.Event()
        self._listener = FanoutListener(broker, self._on_notice, self._look_now.set)
        self.sockets = 0

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        self._database.tell_by(CHANGED, self._publisher.notify)
        tasks = [
            asyncio.create_task(self._listener.run(), name="chat listener"),
            asyncio.create_task(self._look_again(), name="chat rooms"),
        ]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await self._publisher.close()

    @contextmanager
    def watching(self, conversation_id: UUID, watcher: Watcher) -> Iterator[Room]:
        """The conversation's room; from here on the watcher is woken by whatever happens in it."""
        room = self._rooms.get(conversation_id)
        if room is None:
            room = self._rooms[conversation_id] = Room(conversation_id)
        room.watchers.add(watcher)
        if not room.ready.is_set():
            room.refresh(self._database)
        try:
            yield room
        finally:
            room.watchers.discard(watcher)
            if not room.watchers:
                self._rooms.pop(conversation_id, None)

    def say(self, conversation_id: UUID, news: dict[str, Any]) -> None:
        """Tell all who look at the conversation, in every process, something that nobody keeps."""
        self._publisher.notify(FLEETING, json.dumps({"conversation_id": str(conversation_id), **news}))

    def _on_notice(self, channel: str, payload: str) -> None:
        if channel == CHANGED:
            self._with_room(payload, lambda room: room.refresh(self._database))
            return
        with contextlib.suppress(ValueError, KeyError, TypeError):
            news = json.loads(payload)
            self._with_room(news["conversation_id"], lambda room: _pass_on(room, news))

    def _with_room(self, conversation_id: str, do: Callable[[Room], None]) -> None:
        with contextlib.suppress(ValueError):
            if (room := self._rooms.get(UUID(conversation_id))) is not None:
                do(room)

    async def _look_again(self) -> None:
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(LOOK_AGAIN_SECONDS):
                    await self._look_now.wait()
            self._look_now.clear()
            try:
                async with self._database.read() as reading:
                    versions = await store.versions(reading, list(self._rooms))
            except Exception as error:
                if not is_outage(error):
                    _logger.exception("rooms_not_compared")
                continue
            for id_, room in list(self._rooms.items()):
                known = room.conversation.version if room.conversation is not None else None
                if versions.get(id_) != known:
                    room.refresh(self._database)


def _pass_on(room: Room, news: dict[str, Any]) -> None:
    for watcher in list(room.watchers):
        watcher.fleeting(room, news)
