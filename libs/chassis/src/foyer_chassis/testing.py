"""Test fixtures on real servers: a database per test cloned from a migrated template, a broker vhost per session.

The servers' addresses come from `FOYER_TEST_POSTGRES_URL` and `FOYER_TEST_AMQP_URL` (`./foyer test` sets them), else
from containers through testcontainers where an engine answers. Loaded as a pytest plugin.
"""

import asyncio
import contextlib
import os
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from inspect import isawaitable
from typing import Any
from urllib.parse import urlsplit, urlunsplit
from uuid import NAMESPACE_URL, UUID, uuid4, uuid5

import asyncpg
import httpx2
import pytest
import sqlalchemy as sa
from alembic import command
from fastapi import FastAPI
from foyer_contracts.catalogue import BY_TYPE, envelope_of
from foyer_contracts.envelope import Event
from joserfc import jwt
from joserfc.jwk import ECKey, KeySet

from .auth import Verifier
from .broker import Broker
from .clock import Loop
from .consumer import Dispatcher, Subscribe, SubscribeMany
from .db import Database
from .process import Service, alembic_config
from .settings import ServiceSettings
from .tables import EXTENSIONS, outbox

ISSUER = "https://identity.test"
AUDIENCE = "foyer"
AMQP_PORT = 5672


@dataclass(frozen=True)
class Servers:
    """Addresses with administrator's rights."""

    postgres_url: str
    amqp_url: str


@pytest.fixture(scope="session")
def servers() -> Iterator[Servers]:
    postgres, amqp = os.environ.get("FOYER_TEST_POSTGRES_URL"), os.environ.get("FOYER_TEST_AMQP_URL")
    if postgres and amqp:
        yield Servers(postgres, amqp)
        return
    try:
        from testcontainers.community.postgres import PostgresContainer
        from testcontainers.core.container import DockerContainer
        from testcontainers.core.wait_strategies import LogMessageWaitStrategy

        # Not testcontainers' own RabbitMQ: it wants another client library only to see that the server is up.
        broker = DockerContainer("rabbitmq:4").with_exposed_ports(AMQP_PORT)
        broker = broker.waiting_for(LogMessageWaitStrategy("Server startup complete"))
        with PostgresContainer("postgres:17") as database, broker:
            host, port = broker.get_container_host_ip(), broker.get_exposed_port(AMQP_PORT)
            yield Servers(database.get_connection_url(driver=None), f"amqp://guest:guest@{host}:{port}/")
    except Exception as error:
        pytest.exit(f"no servers to test on: run ./foyer test, or start a container engine ({error})", 3)


def with_database(url: str, name: str) -> str:
    return urlunsplit(urlsplit(url)._replace(path=f"/{name}"))


async def _execute(url: str, *statements: str) -> None:
    connection = await asyncpg.connect(url)
    try:
        for statement in statements:
            await connection.execute(statement)
    finally:
        await connection.close()


@pytest.fixture(scope="session")
def databases(servers: Servers) -> Iterator["Databases"]:
    made = Databases(servers.postgres_url)
    yield made
    made.drop_all()


class Databases:
    """Makes databases: a migrated template per service once, then a clone whenever one is asked for."""

    def __init__(self, admin_url: str) -> None:
        self._admin_url = admin_url
        self._run = uuid4().hex[:8]
        self._templates: dict[str, str] = {}
        self._names: list[str] = []

    def template(self, service: Service) -> str:
        if service.name not in self._templates:
            name = f"foyer_test_{self._run}_{service.name}"
            url = with_database(self._admin_url, name)
            self._names.append(name)
            _in_thread(_execute(self._admin_url, f'CREATE DATABASE "{name}"'))
            _in_thread(_execute(url, *(f"CREATE EXTENSION {name}" for name in EXTENSIONS)))
            _run_in_thread(lambda: command.upgrade(alembic_config(service.folder, url), "head"))
            self._templates[service.name] = name
        return self._templates[service.name]

    async def clone(self, service: Service) -> str:
        """The URL of a fresh database with the service's schema."""
        template = await asyncio.to_thread(self.template, service)
        name = f"{template}_{len(self._names)}"
        self._names.append(name)
        await _execute(self._admin_url, f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
        return with_database(self._admin_url, name)

    async def drop(self, url: str) -> None:
        name = urlsplit(url).path.lstrip("/")
        await _execute(self._admin_url, f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
        self._names.remove(name)

    def drop_all(self) -> None:
        statements = [f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)' for name in reversed(self._names)]
        _in_thread(_execute(self._admin_url, *statements))


def _in_thread(coroutine: Any) -> None:
    _run_in_thread(lambda: asyncio.run(coroutine))


def _run_in_thread(call: Callable[[], object]) -> None:
    import threading

    failure: list[BaseException] = []

    def run() -> None:
        try:
            call()
        except BaseException as error:
            failure.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    if failure:
        raise failure[0]


class Identity:
    """An issuer of tokens for tests, with its own key."""

    def __init__(self) -> None:
        self.key = ECKey.generate_key("P-256", {"kid": "test"})

    @staticmethod
    def id_of(username: str) -> UUID:
        return uuid5(NAMESPACE_URL, f"foyer:{username}")

    def token(self, username: str, *roles: str, **claims: Any) -> str:
        """A token of a person; `claims` override, e.g. `exp=…`, `aud=…`, `locale="en"`."""
        now = int(time.time())
        payload = {
            "iss": ISSUER,
            "aud": AUDIENCE,
            "sub": str(self.id_of(username)),
            "iat": now,
            "exp": now + 3600,
            "name": username.capitalize(),
            "email": f"{username}@example.test",
            "phone_number": "+79000000001",
            "locale": "ru",
            "roles": list(roles or ("customer",)),
            **claims,
        }
        return jwt.encode({"alg": "ES256", "kid": "test"}, payload, self.key)

    def verifier(self) -> Verifier:
        verifier = Verifier(issuer=ISSUER, jwks_url="http://127.0.0.1:9/unused", audience=AUDIENCE)
        verifier._keys = KeySet([self.key])
        return verifier


@pytest.fixture(scope="session")
def identity() -> Identity:
    return Identity()


@dataclass
class Running:
    """A service in this process on a database of its own, without a broker: events go in by `handle`, come out in
    `published`, loops turn by `turn`, and time stands where the test puts it."""

    service: Service
    settings: ServiceSettings
    app: FastAPI
    database: Database
    dispatcher: Dispatcher
    identity: Identity
    subscriptions: Sequence[Subscribe | SubscribeMany]
    loops: dict[str, Loop]
    _clients: list[httpx2.AsyncClient] = field(default_factory=list)

    def client(self, username: str | None = None, *roles: str, **claims: Any) -> httpx2.AsyncClient:
        """An HTTP client that calls as this person (no name: without a token)."""
        headers = {}
        if username is not None:
            headers["Authorization"] = f"Bearer {self.identity.token(username, *roles, **claims)}"
        client = httpx2.AsyncClient(
            transport=httpx2.ASGITransport(self.app, raise_app_exceptions=False),
            base_url="http://service",
            headers=headers,
        )
        self._clients.append(client)
        return client

    def at(self, now: datetime) -> None:
        """Set the time of every unit of work from here on."""
        self.database.now = lambda: now

    async def handle(self, *events: Event[Any]) -> int:
        """Deliver events as the consumer would, in one batch; returns how many were new."""
        return await self.dispatcher.dispatch(events)

    async def handle_twice(self, *events: Event[Any]) -> None:
        """Deliver, then deliver again: the second time must change nothing that is published."""
        await self.handle(*events)
        before = await self.published()
        assert await self.handle(*events) == 0
        assert await self.published() == before

    async def published(self, type_: str | None = None) -> list[Event[Any]]:
        """What is in the outbox, oldest first, read back as a subscriber would."""
        async with self.database.read() as transaction:
            rows = await transaction.all(sa.select(outbox.c.type, outbox.c.body).order_by(outbox.c.position))
        return [
            envelope_of(BY_TYPE[row["type"]]).model_validate_json(row["body"])
            for row in rows
            if type_ is None or row["type"] == type_
        ]

    async def turn(self, loop: str, *, most: int = 100) -> None:
        """Run a loop until it has nothing more to do."""
        for _ in range(most):
            if not await self.loops[loop].step():
                return
        raise AssertionError(f"loop {loop} does not come to rest")


@asynccontextmanager
async def running(
    service: Service, databases: Databases, identity: Identity, **settings: Any
) -> AsyncIterator[Running]:
    """The service on a fresh database."""
    url = await databases.clone(service)
    configured = service.settings(
        database_url=url,
        oidc_issuer=ISSUER,
        oidc_jwks_url="http://127.0.0.1:9/unused",
        **{"amqp_url": "amqp://127.0.0.1:9/unused", **settings},
    )
    app = service.build_app(configured)
    app.state.verifier = identity.verifier()
    database: Database = app.state.database
    parts = service.build_worker(configured, database)
    instance = Running(
        service=service,
        settings=configured,
        app=app,
        database=database,
        dispatcher=Dispatcher(database, parts.subscriptions, prepare=parts.prepare),
        identity=identity,
        subscriptions=parts.subscriptions,
        loops={loop.name: loop for loop in parts.loops},
    )
    try:
        async with app.router.lifespan_context(app):
            yield instance
    finally:
        for client in instance._clients:
            await client.aclose()
        for close in parts.close:
            closing = close()
            if isawaitable(closing):
                await closing
        await database.close()
        await databases.drop(url)


@pytest.fixture
async def vhost_url(servers: Servers) -> str:
    """The address of the broker, with the shared exchanges declared. Queues are named by their service."""
    await Broker(servers.amqp_url, "set-up").declare_shared()
    return servers.amqp_url


class Wire:
    """The way to a server, which a test can cut, hold up and mend."""

    def __init__(self, url: str) -> None:
        self._parts = urlsplit(url)
        self._open = asyncio.Event()
        self._open.set()
        self._is_cut = False
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()

    @asynccontextmanager
    async def laid(self) -> AsyncIterator[str]:
        """The server's URL by this way."""
        self._server = await asyncio.start_server(self._forward, "127.0.0.1", 0)
        name = self._parts.netloc.rpartition("@")[0]
        port = self._server.sockets[0].getsockname()[1]
        try:
            yield urlunsplit(self._parts._replace(netloc=f"{name}@127.0.0.1:{port}"))
        finally:
            self.cut()
            self._server.close()
            await self._server.wait_closed()

    def cut(self) -> None:
        """Nobody gets through, and who was connected is cut off."""
        self._is_cut = True
        for writer in self._writers:
            writer.transport.abort()

    def hold(self) -> None:
        """What the server says is not brought: to it, its client looks slow."""
        self._open.clear()

    def mend(self) -> None:
        self._is_cut = False
        self._open.set()

    async def _forward(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._is_cut:
            writer.transport.abort()
            return
        away, there = await asyncio.open_connection(self._parts.hostname, self._parts.port or AMQP_PORT)
        self._writers |= {writer, there}
        try:
            await asyncio.gather(self._pump(reader, there), self._pump(away, writer, held=True))
        finally:
            self._writers -= {writer, there}

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, held: bool = False) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(65536):
                if held:
                    await self._open.wait()
                writer.write(data)
                await writer.drain()
        writer.close()


def same_shape(event: Event[Any], sample: Event[Any]) -> None:
    """Assert that two events have the same keys at every level, so that a sample stays true to what is published."""
    assert _shape(event.model_dump(mode="json")) == _shape(sample.model_dump(mode="json"))


def _shape(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _shape(item) for key, item in value.items() if item is not None and key not in _OPTIONAL}
    if isinstance(value, list):
        return [_shape(value[0])] if value else []
    return None


#: Present or not by circumstance, in events of every kind.
_OPTIONAL = frozenset(
    {"causationid", "traceparent", "reason", "note", "id", "responsible_ids", "closed_days", "changed", "cancellation"}
)


def utc(*parts: int) -> datetime:
    """`utc(2027, 3, 28, 1)` is that instant in UTC."""
    return datetime(*parts, tzinfo=UTC)  # type: ignore[misc,arg-type]
