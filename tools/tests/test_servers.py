"""Local servers: two checkouts side by side, least privilege, and data that outlives a restart."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import aiormq
import asyncpg
import pytest
from aiormq.exceptions import ChannelAccessRefused
from foyer_tools.management import Management
from foyer_tools.places import SERVICES
from foyer_tools.postgres import in_thread, with_database
from foyer_tools.processes import birth
from foyer_tools.rabbitmq import GivenRabbit, RabbitError, choose_rabbit, vhost_url
from foyer_tools.servers import Provided, Servers
from foyer_tools.state import State
from pamqp.common import FieldValue

GIVEN = ("FOYER_POSTGRES_URL", "FOYER_AMQP_URL", "FOYER_RABBITMQ_MANAGEMENT_URL")

HOLD_A_LEASE = """
import sys, time
from foyer_tools.servers import Servers
servers = Servers()
servers.start()
print("holding", flush=True)
time.sleep(float(sys.argv[1]))
"""


@pytest.fixture(scope="module")
def provided(second_checkout: Servers) -> Provided:
    return second_checkout.provide("main")


async def one(url: str, query: str) -> object:
    connection = await asyncpg.connect(url, timeout=10)
    try:
        return await connection.fetchval(query)
    finally:
        await connection.close()


def test_a_second_checkout_has_servers_of_its_own(second_checkout: Servers) -> None:
    theirs, ours = second_checkout.addresses, os.environ
    assert second_checkout.postgres.ours
    assert second_checkout.rabbitmq.ours
    for mine, other in (
        (theirs.postgres_admin_url, ours.get("FOYER_TEST_POSTGRES_URL")),
        (theirs.amqp_admin_url, ours.get("FOYER_TEST_AMQP_URL")),
    ):
        assert mine.rpartition("@")[2] != (other or "").rpartition("@")[2]


async def test_writes_survive_a_power_cut(second_checkout: Servers) -> None:
    assert await one(second_checkout.postgres.url, "SHOW fsync") == "on"
    assert await one(second_checkout.postgres.url, "SHOW listen_addresses") == "127.0.0.1"


async def test_a_service_owns_its_database(provided: Provided) -> None:
    for service, url in provided.database_urls.items():
        assert await one(url, "SELECT current_database()") == f"foyer_{service}"
        await one(url, "CREATE TABLE IF NOT EXISTS mine (id int)")
        extensions = "SELECT count(*) FROM pg_extension WHERE extname IN ('btree_gist', 'btree_gin', 'pg_trgm')"
        assert await one(url, extensions) == 3
        assert (
            await one(url, "SELECT rolsuper OR rolcreatedb OR rolcreaterole FROM pg_roles WHERE rolname = current_user")
            is False
        )


async def test_a_service_cannot_enter_anothers_database(provided: Provided) -> None:
    for service in SERVICES:
        if service != "orders":
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await one(with_database(provided.database_urls["orders"], f"foyer_{service}"), "SELECT 1")


async def publish(url: str, exchange: str, key: str) -> None:
    connection = await aiormq.connect(url)
    try:
        channel = await connection.channel()
        await channel.basic_publish(b"{}", exchange=exchange, routing_key=key, timeout=10)
    finally:
        await connection.close()


async def test_a_service_publishes_its_own_keys_only(provided: Provided) -> None:
    url = provided.amqp_urls["orders"]
    for exchange in ("foyer.events", "foyer.private"):
        await publish(url, exchange, "orders.order.placed.v1")
        for key in ("payments.payment.succeeded.v1", "ordersx.order.placed.v1", "x.orders.order.placed.v1"):
            with pytest.raises(ChannelAccessRefused):
                await publish(url, exchange, key)


async def test_a_service_declares_and_reads_its_own_queues_only(provided: Provided) -> None:
    connection = await aiormq.connect(provided.amqp_urls["booking"])
    try:
        quorum: dict[str, object] = {"x-queue-type": "quorum"}
        channel = await connection.channel()
        for name in ("foyer.booking", "foyer.booking.parked", "foyer.booking.retry.5"):
            await channel.queue_declare(name, durable=True, arguments=quorum)  # type: ignore[arg-type]
        await channel.exchange_declare("foyer.booking.retry", exchange_type="direct", durable=True)
        await channel.queue_bind("foyer.booking", "foyer.events", routing_key="orders.order.placed.v1")
        for refused in ("foyer.orders", "foyer.bookings", "anything"):
            channel = await connection.channel()
            with pytest.raises(ChannelAccessRefused):
                await channel.queue_declare(refused, durable=True)
        channel = await connection.channel()
        with pytest.raises(ChannelAccessRefused):
            await channel.queue_bind("foyer.booking", "foyer.private", routing_key="#")
        channel = await connection.channel()
        with pytest.raises(ChannelAccessRefused):
            await channel.exchange_delete("foyer.events")
    finally:
        await connection.close()


LIVE = "foyer.chat.live"
OF_A_PROCESS = f"{LIVE}.of-a-process"
#: What another service's process could try, given a channel and a queue of its own.
TRESPASSES: dict[str, Callable[[aiormq.abc.AbstractChannel, str], Awaitable[object]]] = {
    "speak": lambda channel, _: channel.basic_publish(b"", exchange=LIVE, routing_key="chat_changed", timeout=10),
    "hear": lambda channel, queue: channel.queue_bind(queue, LIVE),
    "hear by another exchange": lambda channel, queue: channel.exchange_bind(f"{queue}.live", LIVE),
    "speak through another exchange": lambda channel, _: channel.exchange_bind(LIVE, "foyer.events", routing_key="#"),
    "fill a queue": lambda channel, _: channel.queue_bind(OF_A_PROCESS, "foyer.events", routing_key="#"),
    "empty a queue": lambda channel, _: channel.basic_get(OF_A_PROCESS, no_ack=True),
    "have a queue there": lambda channel, _: channel.queue_declare(f"{LIVE}.x", exclusive=True),
    "look": lambda channel, _: channel.queue_declare(OF_A_PROCESS, exclusive=True),
    "delete": lambda channel, _: channel.exchange_delete(LIVE),
}


async def test_what_is_told_live_stays_among_the_processes_of_its_service(provided: Provided) -> None:
    """Chat's processes have a fan-out of their own; no other service's user hears it, or speaks there."""
    own, heard = await aiormq.connect(provided.amqp_urls["chat"]), asyncio.Queue[bytes]()

    async def hear(message: aiormq.abc.DeliveredMessage) -> None:
        heard.put_nowait(message.body)

    try:
        channel = await own.channel()
        await channel.exchange_declare(LIVE, exchange_type="fanout", durable=True)
        classic: dict[str, FieldValue] = {"x-queue-type": "classic"}
        await channel.queue_declare(OF_A_PROCESS, exclusive=True, auto_delete=True, arguments=classic)
        await channel.queue_bind(OF_A_PROCESS, LIVE)
        await channel.basic_consume(OF_A_PROCESS, hear, no_ack=True)
        for service in set(SERVICES) - {"chat"}:
            theirs = await aiormq.connect(provided.amqp_urls[service])
            try:
                queue = f"foyer.{service}.spy"
                setting_up = await theirs.channel()
                await setting_up.queue_declare(queue, exclusive=True, arguments=classic)
                await setting_up.exchange_declare(f"{queue}.live", exchange_type="fanout", auto_delete=True)
                for what, trespass in TRESPASSES.items():
                    trespassing = trespass(await theirs.channel(), queue)
                    with pytest.raises(ChannelAccessRefused):
                        assert await trespassing is None, f"{service} may {what}"
            finally:
                await theirs.close()
        await channel.basic_publish(b"ours", exchange=LIVE)
        async with asyncio.timeout(10):
            assert await heard.get() == b"ours", "and nothing before it"
    finally:
        await own.close()


@pytest.mark.parametrize(
    ("service", "key", "allowed"),
    [
        ("notifications", "orders.contact.changed.v1", True),
        ("notifications", "booking.pass.code_issued.v1", True),
        ("payments", "orders.contact.changed.v1", True),
        ("payments", "booking.pass.code_issued.v1", False),
        ("payments", "#", False),
    ],
)
async def test_who_binds_what_is_private(provided: Provided, service: str, key: str, allowed: bool) -> None:
    connection = await aiormq.connect(provided.amqp_urls[service])
    try:
        channel = await connection.channel()
        await channel.queue_declare(f"foyer.{service}", durable=True)
        binding = channel.queue_bind(f"foyer.{service}", "foyer.private", routing_key=key)
        if allowed:
            await binding
        else:
            with pytest.raises(ChannelAccessRefused):
                await binding
    finally:
        await connection.close()


def test_the_stream_keeps_what_is_published(second_checkout: Servers, provided: Provided) -> None:
    api = Management(second_checkout.addresses.management_url or "")
    log = api.call("GET", f"/queues/{provided.vhost}/foyer.events.log")
    assert log["arguments"]["x-queue-type"] == "stream"
    assert log["arguments"]["x-max-age"] == "7D"
    bindings = api.call("GET", f"/bindings/{provided.vhost}/e/foyer.events/q/foyer.events.log")
    assert [binding["routing_key"] for binding in bindings] == ["#"]


def test_profiles_have_databases_of_their_own_and_fresh_empties_one(
    second_checkout: Servers, provided: Provided
) -> None:
    other = second_checkout.provide("other")
    assert other.vhost == "foyer_other"
    for url in (other.database_urls["chat"], provided.database_urls["chat"]):
        in_thread(one(url, "CREATE TABLE IF NOT EXISTS kept (id int)"))
    again = second_checkout.provide("other")
    assert again == other
    exists = "SELECT to_regclass('kept') IS NOT NULL"
    assert in_thread(one(other.database_urls["chat"], exists)) is True
    second_checkout.provide("other", fresh=True)
    assert in_thread(one(other.database_urls["chat"], exists)) is False
    assert in_thread(one(provided.database_urls["chat"], exists)) is True


def test_data_and_addresses_outlive_a_restart(second_checkout: Servers, provided: Provided) -> None:
    in_thread(one(provided.database_urls["orders"], "CREATE TABLE IF NOT EXISTS outlives (id int)"))
    before = second_checkout.addresses
    second_checkout.stop()
    started = time.monotonic()
    again = Servers()
    try:
        assert again.start() == before
        assert time.monotonic() - started < 30
        assert again.provide("main") == provided
        exists = in_thread(one(provided.database_urls["orders"], "SELECT to_regclass('outlives') IS NOT NULL"))
        assert exists is True
    finally:
        again.release()
    assert second_checkout.postgres.alive(), "somebody else still has a lease"


def test_the_last_user_stops_the_servers_even_after_one_was_killed(second_checkout: Servers) -> None:
    command = [sys.executable, "-c", HOLD_A_LEASE, "60"]
    other = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    try:
        assert other.stdout is not None
        assert other.stdout.readline() == b"holding\n"
        second_checkout.release()
        assert second_checkout.postgres.alive()
        other.kill()
        other.wait()
        # Adopted, not started again: the same process as before the kill.
        process = State().recall("processes", "postgres")
        second_checkout.start()
        assert State().recall("processes", "postgres") == process
        second_checkout.release()
        assert not second_checkout.postgres.alive()
        assert not second_checkout.rabbitmq.alive()
    finally:
        other.kill()
        other.wait()
        second_checkout.start()


def test_ensured_servers_end_with_their_process(tmp_path: Path) -> None:
    environment = {name: value for name, value in os.environ.items() if name not in GIVEN}
    environment["FOYER_STATE_DIR"] = str(tmp_path / ".foyer")
    code = (
        "from foyer_tools import servers; from foyer_tools.state import State; from foyer_tools.places import *;"
        "assert servers.ensure() == servers.ensure();"
        "print(*(State().recall('processes', name)['pid'] for name in ('postgres', 'rabbitmq', 'epmd')), checkout_id())"
    )
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    *pids, identity = done.stdout.split()
    shutil.rmtree(f"/var/tmp/foyer-{identity}", ignore_errors=True)
    assert len(pids) == 3
    assert not [pid for pid in pids if birth(int(pid))]


def test_without_any_way_to_a_broker_the_error_names_all_ways(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("FOYER_AMQP_URL", raising=False)
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr("foyer_tools.rabbitmq._installed", lambda: None)
    with pytest.raises(RabbitError) as raised:
        choose_rabbit(State())
    for way in ("FOYER_AMQP_URL", "rabbitmq-server", "apt", "Docker"):
        assert way in str(raised.value)


def test_a_given_broker_is_used_and_never_stopped(second_checkout: Servers, monkeypatch: pytest.MonkeyPatch) -> None:
    addresses = second_checkout.addresses
    monkeypatch.setenv("FOYER_POSTGRES_URL", addresses.postgres_admin_url)
    monkeypatch.setenv("FOYER_AMQP_URL", addresses.amqp_admin_url)
    given = Servers()
    assert isinstance(given.rabbitmq, GivenRabbit)
    given.start()
    # Without a management address everybody shares the given user, and the exchanges are declared over AMQP.
    provided = given.provide("main")
    assert set(provided.amqp_urls.values()) == {addresses.amqp_admin_url}
    in_thread(publish(addresses.amqp_admin_url, "foyer.events", "orders.order.placed.v1"))
    assert provided.database_urls["orders"].endswith("_orders")
    assert "/foyer_orders" not in provided.database_urls["orders"]
    given.stop()
    assert second_checkout.postgres.alive()
    assert second_checkout.rabbitmq.alive()


def test_addresses_keep_their_options() -> None:
    assert (
        with_database("postgresql://a:b@h:1/x?ssl=require", "y", user="u", password="p")
        == "postgresql://u:p@h:1/y?ssl=require"
    )
    assert vhost_url("amqp://a:b@h:1/%2F?heartbeat=5", "v", user="u", password="p") == "amqp://u:p@h:1/v?heartbeat=5"
