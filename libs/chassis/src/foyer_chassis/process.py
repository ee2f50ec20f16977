"""The processes of a service: `python -m <service> api | worker | migrate | openapi`."""

import asyncio
import contextlib
import gc
import json
import signal
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from inspect import isawaitable
from pathlib import Path
from typing import TYPE_CHECKING

import uvicorn
from fastapi import FastAPI

from . import log, telemetry
from .broker import Broker
from .clock import Loop
from .consumer import Consumer, Dispatcher, Prepare, Subscribe, SubscribeMany, forget_handled
from .db import Database
from .http import health_router
from .idempotency import forget_answers
from .relay import Relay
from .settings import ServiceSettings

if TYPE_CHECKING:
    from alembic.config import Config

_logger = log.get(__name__)
STOP_SECONDS = 20


@dataclass
class WorkerParts:
    """What a service adds to the worker: its subscriptions, its loops, what to close at the end, and what to do
    before the handlers of a batch."""

    subscriptions: Sequence[Subscribe | SubscribeMany]
    loops: Sequence[Loop] = ()
    close: Sequence[Callable[[], object]] = field(default_factory=tuple)
    prepare: Prepare | None = None


@dataclass(frozen=True)
class Service:
    """A service as its processes see it. `folder` holds alembic.ini and migrations/."""

    name: str
    folder: Path
    settings: type[ServiceSettings]
    build_app: Callable[[ServiceSettings], FastAPI]
    build_worker: Callable[[ServiceSettings, Database], WorkerParts]


def main(service: Service, argv: Sequence[str] | None = None) -> int:
    arguments = list(sys.argv[1:] if argv is None else argv)
    commands = {"api": run_api, "worker": run_worker, "migrate": migrate, "openapi": print_openapi}
    if len(arguments) != 1 or arguments[0] not in commands:
        print(f"usage: python -m {service.name} {'|'.join(commands)}", file=sys.stderr)
        return 2
    if arguments[0] == "openapi":
        return print_openapi(service)
    settings = service.settings()
    log.configure(f"{service.name}-{arguments[0]}", level=settings.log_level, fmt=settings.log_format)
    telemetry.configure(service.name, settings.otlp_url)
    return commands[arguments[0]](service)


def _settle_memory() -> None:
    """What was made at the start stays: the collector need not look at it again and again."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)


def run_api(service: Service) -> int:
    settings = service.settings()
    app = service.build_app(settings)
    _settle_memory()
    uvicorn.run(
        app,
        host=settings.http_host,
        port=settings.http_port,
        log_config=None,
        access_log=False,
        server_header=False,
        # The peer is the peer: who is behind a proxy is asked where it matters, of proxies that are trusted.
        proxy_headers=False,
        timeout_graceful_shutdown=STOP_SECONDS,
        timeout_keep_alive=75,
        # Compression keeps some 40 KiB for every socket, for messages of a few hundred bytes.
        ws_per_message_deflate=False,
        backlog=1024,
    )
    return 0


def run_worker(service: Service) -> int:
    import uvloop

    uvloop.run(_work(service, service.settings()))
    return 0


async def _work(service: Service, settings: ServiceSettings) -> None:
    database = Database(settings.database_url, pool_size=max(4, settings.database_pool_size // 4))
    broker = Broker(settings.amqp_url, service.name, retry_delays_seconds=settings.retry_delays_seconds)
    parts = service.build_worker(settings, database)
    relay = Relay(settings.database_url, broker, batch=settings.relay_batch, poll_seconds=settings.relay_poll_seconds)
    consumer = Consumer(
        broker,
        Dispatcher(database, parts.subscriptions, prepare=parts.prepare),
        prefetch=settings.consumer_prefetch,
        batch=settings.consumer_batch,
    )

    async def housekeeping() -> bool:
        async with database.transaction() as transaction:
            await forget_handled(transaction, days=settings.inbox_days)
            await forget_answers(transaction, hours=settings.idempotency_hours)
        return False

    loops = [*parts.loops, Loop("housekeeping", housekeeping, timedelta(hours=1).total_seconds())]
    server = _health_server(settings, database, relay, consumer)
    tasks = [
        asyncio.create_task(relay.run(), name="relay"),
        asyncio.create_task(consumer.run(), name="consumer"),
        asyncio.create_task(server.serve(), name="health"),
        *(asyncio.create_task(loop.run(), name=loop.name) for loop in loops),
    ]
    _settle_memory()
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    _logger.info("worker_started", loops=[loop.name for loop in loops])
    stopped = asyncio.create_task(stop.wait(), name="stop")
    done, _ = await asyncio.wait([stopped, *tasks], return_when=asyncio.FIRST_COMPLETED)
    for task in done - {stopped}:
        _logger.error("worker_part_ended", part=task.get_name(), error=str(task.exception() or "no error"))
    for task in tasks:
        task.cancel()
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(STOP_SECONDS):
            await asyncio.gather(*tasks, return_exceptions=True)
    for close in parts.close:
        closing = close()
        if isawaitable(closing):
            await closing
    await database.close()
    if done - {stopped}:
        # An orchestrator starts it again; half a worker would look alive.
        sys.exit(1)


def _health_server(settings: ServiceSettings, database: Database, relay: Relay, consumer: Consumer) -> uvicorn.Server:
    async def relaying() -> None:
        if not relay.is_connected:
            raise ConnectionError("the relay is not connected")

    async def consuming() -> None:
        if not consumer.is_connected:
            raise ConnectionError("the consumer is not connected")

    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None, telemetry={"tracing": False, "metrics": False})
    app.include_router(health_router({"database": database.ping, "relay": relaying, "consumer": consuming}))
    server = uvicorn.Server(
        uvicorn.Config(
            app, host=settings.http_host, port=settings.worker_port, log_config=None, access_log=False, lifespan="off"
        )
    )
    # The worker handles the signals itself, for all its parts.
    server.capture_signals = contextlib.nullcontext  # type: ignore[method-assign,assignment]
    return server


def migrate(service: Service) -> int:
    """The database's schema and the broker's queues, as this release needs them. Run it before its processes."""
    # Here and below, because the processes that serve should not carry it in memory.
    from alembic import command

    settings = service.settings()
    command.upgrade(alembic_config(service.folder, settings.database_url), "head")
    parts = service.build_worker(settings, Database(settings.database_url))
    dispatcher = Dispatcher(Database(settings.database_url), parts.subscriptions)
    broker = Broker(settings.amqp_url, service.name, retry_delays_seconds=settings.retry_delays_seconds)
    asyncio.run(broker.declare(public=dispatcher.public_types, private=dispatcher.private_types))
    _logger.info("migrated")
    return 0


def alembic_config(folder: Path, database_url: str) -> "Config":
    from alembic.config import Config

    config = Config(folder / "alembic.ini")
    config.set_main_option("script_location", str(folder / "migrations"))
    config.attributes["database_url"] = database_url
    return config


def print_openapi(service: Service) -> int:
    """The API's description; needs nothing from outside."""
    settings = service.settings(
        database_url="postgresql://nobody@localhost/none",
        amqp_url="amqp://nobody@localhost/",
        oidc_issuer="https://identity.example",
        oidc_jwks_url="https://identity.example/jwks",
    )
    print(json.dumps(service.build_app(settings).openapi(), indent=2, ensure_ascii=False))
    return 0
