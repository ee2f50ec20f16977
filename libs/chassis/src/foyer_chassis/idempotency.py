"""`Idempotency-Key`: the same key and body get the stored answer, the same key with another body a problem.

https://datatracker.ietf.org/doc/draft-ietf-httpapi-idempotency-key-header/

The answer is stored in the transaction of the effect. Of two requests with one key at once both may work, but only
one can store its answer: the other one's work is rolled back and it answers as the first did.
"""

import hashlib
import json
import re
from collections.abc import Awaitable, Callable, Hashable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Annotated, Any

import sqlalchemy as sa
from fastapi import Depends, Header, Request, Response
from pydantic import BaseModel
from sqlalchemy.dialects.postgresql import insert

from .auth import CurrentCaller
from .db import Database, Direct, Transaction
from .errors import BadRequestError, InvalidError, Problem
from .tables import idempotency_keys

_FIND = sa.select(
    idempotency_keys.c.request_hash,
    idempotency_keys.c.status,
    idempotency_keys.c.headers,
    idempotency_keys.c.body,
).where(
    idempotency_keys.c.caller_id == sa.bindparam("caller"),
    idempotency_keys.c.route == sa.bindparam("route"),
    idempotency_keys.c.key == sa.bindparam("key"),
)
_FIND_DIRECTLY = """
    SELECT request_hash, status, headers, body FROM idempotency_keys WHERE caller_id = $1 AND route = $2 AND key = $3
"""
_STORE = insert(idempotency_keys).on_conflict_do_nothing().returning(sa.literal(1))
_FORGET = sa.delete(idempotency_keys).where(idempotency_keys.c.created_at < sa.bindparam("before"))


class IdempotencyKeyMissingError(BadRequestError):
    """Send an Idempotency-Key header (1–200 characters), a new one for each thing you want to happen once."""

    title_en = "Idempotency-Key is needed"
    title_ru = "Нужен заголовок Idempotency-Key"


class IdempotencyKeyReusedError(InvalidError):
    """This Idempotency-Key was used for a request with another content."""

    title_en = "Idempotency-Key was used for something else"
    title_ru = "Этот Idempotency-Key уже использован для другого запроса"


@dataclass(frozen=True)
class Answer:
    """What a command answers: `model` as JSON with `status` and `headers`."""

    model: BaseModel
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)


class _StoredMeanwhileError(Exception):
    pass


class OneStatement:
    """A command's whole effect as one statement: the answer for its key, the events, and what `writes` adds.

    `writes` are further CTEs that select from `key`, which has one row if the key is new and none if its answer is
    stored already; then nothing is written. Parameters are written `:name`, with a cast, since a SELECT has no
    column to take a type from.
    """

    _GUARD = """
        WITH key AS (
            INSERT INTO idempotency_keys (caller_id, route, key, request_hash, status, headers, body, created_at)
            VALUES ($1, $2, $3, $4, $5, $6::text::jsonb, $7, $8)
            ON CONFLICT DO NOTHING RETURNING 1
        ), events AS (
            INSERT INTO outbox (event_id, exchange, type, body)
            SELECT event.* FROM key, unnest($9::uuid[], $10::text[], $11::text[], $12::bytea[]) AS event
        ), {writes}
        SELECT 1 FROM key
    """
    _FIRST = 13
    _NAME = re.compile(r"(?<!:):([a-z_]+)")

    def __init__(self, writes: str) -> None:
        self.names = list(dict.fromkeys(self._NAME.findall(writes)))
        positions = {name: f"${position}" for position, name in enumerate(self.names, self._FIRST)}
        self.sql = self._GUARD.format(writes=self._NAME.sub(lambda found: positions[found[1]], writes))


@dataclass(frozen=True)
class Effect:
    """What a command would do: its answer, and the statement with its parameters that does it."""

    answer: Answer
    statement: OneStatement
    parameters: Mapping[str, Any]


@dataclass(frozen=True)
class Once:
    """Runs a command at most once for its key. Get it in a route by the annotation `OncePerKey`."""

    database: Database
    caller: CurrentCaller
    route: str
    key: str
    request_hash: bytes

    async def run_if_possible(
        self,
        thing: Hashable,
        look: Callable[[Direct], Awaitable[None]],
        command: Callable[[Transaction], Awaitable[Answer]],
    ) -> Response:
        """As `run`, where many may want one thing of which there is little: those of this process take turns.

        `look` raises the Problem that the command would, from one query without any lock, so that those who come too
        late are told so at once. What it lets pass the command decides.
        """
        async with self.database.turn(thing):
            async with self.database.direct() as direct:
                try:
                    await look(direct)
                except Problem:
                    # A repeat gets its first answer, whatever has become impossible since.
                    if (stored := await self._stored_directly(direct)) is not None:
                        return stored
                    raise
            return await self.run(command)

    async def run(self, command: Callable[[Transaction], Awaitable[Answer]]) -> Response:
        """The command's answer, or the stored one with `Idempotency-Replayed: true`.

        Raises:
            IdempotencyKeyReusedError: the key belongs to a request with another content.
        """
        try:
            async with self.database.transaction() as transaction:
                if (stored := await self._stored(transaction)) is not None:
                    return stored
                answer = await command(transaction)
                body = answer.model.model_dump_json().encode()
                inserted = await transaction.execute(
                    _STORE,
                    {
                        "caller_id": self.caller.id,
                        "route": self.route,
                        "key": self.key,
                        "request_hash": self.request_hash,
                        "status": answer.status,
                        "headers": dict(answer.headers),
                        "body": body,
                        "created_at": transaction.now,
                    },
                )
                if inserted.scalar_one_or_none() is None:
                    raise _StoredMeanwhileError
        except _StoredMeanwhileError:
            if (stored := await self._read_stored()) is None:
                raise RuntimeError("an idempotency key vanished") from None
            return stored
        return Response(body, answer.status, dict(answer.headers), "application/json")

    async def run_in_one_statement(self, prepare: Callable[[Direct], Awaitable[Effect]]) -> Response:
        """As `run`, for the hottest commands: `prepare` only reads and decides, then one statement does everything."""
        async with self.database.direct() as direct:
            try:
                effect = await prepare(direct)
            except Problem as problem:
                # A repeat gets its first answer, whatever has become impossible since.
                if (stored := await self._read_stored()) is not None:
                    return stored
                raise problem from None
            answer = effect.answer
            body = answer.model.model_dump_json().encode()
            done = await direct.row(
                effect.statement.sql,
                self.caller.id,
                self.route,
                self.key,
                self.request_hash,
                answer.status,
                json.dumps(dict(answer.headers)),
                body,
                direct.now,
                *direct.take_outbox().values(),
                *(effect.parameters[name] for name in effect.statement.names),
            )
        if done is None:
            if (stored := await self._read_stored()) is None:
                raise RuntimeError("an idempotency key vanished")
            return stored
        return Response(body, answer.status, dict(answer.headers), "application/json")

    async def _read_stored(self) -> Response | None:
        async with self.database.read() as transaction:
            return await self._stored(transaction)

    async def _stored(self, transaction: Transaction) -> Response | None:
        row = await transaction.one_or_none(_FIND, {"caller": self.caller.id, "route": self.route, "key": self.key})
        return None if row is None else self._replayed(row)

    async def _stored_directly(self, direct: Direct) -> Response | None:
        row = await direct.row(_FIND_DIRECTLY, self.caller.id, self.route, self.key)
        return None if row is None else self._replayed({**row, "headers": json.loads(row["headers"])})

    def _replayed(self, row: Mapping[Any, Any]) -> Response:
        if row["request_hash"] != self.request_hash:
            raise IdempotencyKeyReusedError(field="Idempotency-Key")
        return Response(
            row["body"], row["status"], {**row["headers"], "Idempotency-Replayed": "true"}, "application/json"
        )


async def _once(
    request: Request,
    caller: CurrentCaller,
    idempotency_key: Annotated[str | None, Header(min_length=1, max_length=200)] = None,
) -> Once:
    if idempotency_key is None:
        raise IdempotencyKeyMissingError(field="Idempotency-Key")
    content = request.url.query.encode() + b"\0" + await request.body()
    return Once(
        database=request.app.state.database,
        caller=caller,
        route=f"{request.method} {request.url.path}",
        key=idempotency_key,
        request_hash=hashlib.sha256(content).digest(),
    )


OncePerKey = Annotated[Once, Depends(_once)]


async def forget_answers(transaction: Transaction, *, hours: int) -> None:
    await transaction.execute(_FORGET, {"before": transaction.now - timedelta(hours=hours)})
