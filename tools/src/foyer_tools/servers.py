"""The two servers that everything stands on, shared by all runs of a checkout, and what each profile has on them.

Whoever uses the servers holds a lease: a shared file lock, which ends with its process however that ends. The
last one to go stops the servers of our own; the next `ensure()` after a kill -9 adopts those still running.
"""

from __future__ import annotations

import asyncio
import atexit
import fcntl
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO
from urllib.parse import urlsplit

import aiormq
from pamqp.common import FieldValue

from foyer_tools import postgres, rabbitmq
from foyer_tools.management import EVENT_LOG, Management, provision_user, provision_vhost
from foyer_tools.places import SERVICES, checkout_id
from foyer_tools.state import State, file_lock
from foyer_tools.steps import step


@dataclass(frozen=True)
class Addresses:
    """Administrators' addresses of the running servers. `management_url` is None for a given broker without one."""

    postgres_admin_url: str
    amqp_admin_url: str
    management_url: str | None


@dataclass(frozen=True)
class Provided:
    """What one profile has on the servers: an address per service, and the administrator's within its virtual host."""

    database_urls: dict[str, str]
    amqp_urls: dict[str, str]
    amqp_admin_url: str
    vhost: str


class Servers:
    """PostgreSQL and RabbitMQ of this checkout."""

    def __init__(self, state: State | None = None, *, may_install: bool = True) -> None:
        self.state = state or State()
        self.postgres = postgres.choose_postgres(self.state)
        self.rabbitmq = rabbitmq.choose_rabbit(self.state, may_install=may_install)
        self._lease: IO[str] | None = None

    def start(self) -> Addresses:
        """Take the lease, start what does not run, side by side, and wait until both answer."""
        with file_lock(self.state.folder / "servers.lock"):
            self._take_lease()
            try:
                with ThreadPoolExecutor(2) as pool:
                    both = [pool.submit(self._start_postgres), pool.submit(self._start_rabbitmq)]
                    for each in both:
                        each.result()
            except BaseException:
                if self._drop_lease():
                    self.stop()
                raise
        return self.addresses

    @property
    def addresses(self) -> Addresses:
        """Where the servers are."""
        return Addresses(self.postgres.url, self.rabbitmq.amqp_url, self.rabbitmq.management_url)

    def release(self) -> None:
        """Give the lease back; the last user stops the servers of our own."""
        if self._lease is None:
            return
        with file_lock(self.state.folder / "servers.lock"):
            if self._drop_lease():
                self.stop()

    def stop(self) -> None:
        """Stop the servers of our own, whoever uses them."""
        self.postgres.stop()
        self.rabbitmq.stop()

    def provide(self, profile: str, *, fresh: bool = False) -> Provided:
        """Databases, roles, virtual host and users of a profile; what exists is kept unless `fresh`."""
        # On somebody else's server other checkouts may be at home too, so the names say whose they are.
        base = "foyer" if self.postgres.ours else f"foyer_{checkout_id()}"
        if profile != "main":
            base = f"{base}_{profile}"
        with ThreadPoolExecutor(len(SERVICES)) as pool:
            urls = pool.map(
                lambda service: postgres.provision(
                    self.postgres.url,
                    f"{base}_{service}",
                    f"{base}_{service}",
                    self.state.secret(f"{profile}.{service}.database"),
                    fresh=fresh,
                ),
                SERVICES,
            )
            databases = dict(zip(SERVICES, urls, strict=True))
        return Provided(databases, *self._provide_broker(profile, fresh))

    def _provide_broker(self, profile: str, fresh: bool) -> tuple[dict[str, str], str, str]:
        broker = self.rabbitmq
        if broker.management_url is None:
            postgres.in_thread(_declare_shared(broker.amqp_url))
            vhost = urlsplit(broker.amqp_url).path.lstrip("/") or "%2F"
            return dict.fromkeys(SERVICES, broker.amqp_url), broker.amqp_url, vhost
        base = "foyer" if broker.ours else f"foyer_{checkout_id()}"
        vhost = base if profile == "main" else f"{base}_{profile}"
        api = Management(broker.management_url)
        provision_vhost(api, vhost, fresh=fresh)
        urls = {}
        for service in SERVICES:
            user, password = f"{base}_{service}", self.state.secret(f"{service}.broker")
            provision_user(api, vhost, service, user, password)
            urls[service] = rabbitmq.vhost_url(broker.amqp_url, vhost, user=user, password=password)
        return urls, rabbitmq.vhost_url(broker.amqp_url, vhost), vhost

    def _start_postgres(self) -> None:
        with step("PostgreSQL") as current:
            self.postgres.start()
            current.note = self.postgres.describe()

    def _start_rabbitmq(self) -> None:
        with step("RabbitMQ") as current:
            self.rabbitmq.start()
            current.note = self.rabbitmq.describe()

    def _take_lease(self) -> None:
        if self._lease is None:
            self._lease = (self.state.folder / "servers.lease").open("a")
            fcntl.flock(self._lease, fcntl.LOCK_SH)

    def _drop_lease(self) -> bool:
        """Give the lease back; True if nobody else holds one."""
        if self._lease is None:
            return False
        try:
            fcntl.flock(self._lease, fcntl.LOCK_EX | fcntl.LOCK_NB)
            last = True
        except OSError:
            last = False
        self._lease.close()
        self._lease = None
        return last


_ensured: Servers | None = None


def ensure() -> Addresses:
    """Start or adopt the servers for the rest of this process's life; any number of calls is one."""
    global _ensured  # noqa: PLW0603 - one lease per process
    if _ensured is None:
        servers = Servers()
        servers.start()
        _ensured = servers
        owner = os.getpid()
        # A forked child inherits this handler but must not stop its parent's servers.
        atexit.register(lambda: servers.release() if os.getpid() == owner else None)
    return _ensured.addresses


@contextmanager
def started() -> Iterator[Servers]:
    """The servers for the length of a block."""
    servers = Servers()
    servers.start()
    try:
        yield servers
    finally:
        servers.release()


async def _declare_shared(url: str) -> None:
    """The shared exchanges and the stream over AMQP, for a broker whose management API was not given."""
    connection = await aiormq.connect(url)
    try:
        channel = await connection.channel()
        for exchange in ("foyer.events", "foyer.private"):
            await channel.exchange_declare(exchange, exchange_type="topic", durable=True)
        stream: dict[str, FieldValue] = dict(EVENT_LOG)
        await channel.queue_declare("foyer.events.log", durable=True, arguments=stream)
        await channel.queue_bind("foyer.events.log", "foyer.events", routing_key="#")
    finally:
        await asyncio.wait_for(connection.close(), timeout=10)
