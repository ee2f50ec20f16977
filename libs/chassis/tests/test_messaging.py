"""Outbox, relay, broker and consumer on real servers: nothing lost, no effect twice."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from uuid import UUID, uuid4

import asyncpg
import pytest
import sqlalchemy as sa
from foyer_chassis import broker as broker_module
from foyer_chassis.broker import Broker, Publisher
from foyer_chassis.consumer import Consumer, Dispatcher, Subscribe, forget_handled
from foyer_chassis.db import Database, Transaction
from foyer_chassis.messages import Incoming, Outgoing, redriven_message
from foyer_chassis.relay import Relay
from foyer_contracts.booking import HoldExpired
from foyer_contracts.envelope import PUBLIC_EXCHANGE, Event
from foyer_contracts.ids import new_id

_EFFECT = sa.text("INSERT INTO effects (what) VALUES (:what)")


async def effects(database: Database) -> list[str]:
    async with database.read() as reading:
        return list((await reading.execute(sa.text("SELECT what FROM effects ORDER BY id"))).scalars())


async def until(condition: Callable[[], object], seconds: float = 10) -> None:
    async with asyncio.timeout(seconds):
        while not await condition():  # type: ignore[misc]
            await asyncio.sleep(0.02)


def expired(order_id: UUID | None = None) -> HoldExpired:
    return HoldExpired(order_id=order_id or new_id(), reservation_id=new_id())


async def publish(database: Database, *events: HoldExpired) -> None:
    async with database.transaction() as transaction:
        for sequence, event in enumerate(events):
            transaction.publish(event, subject=event.reservation_id, sequence=sequence)


class Rig:
    """A relay and a consumer of a service of its own."""

    def __init__(self, database: Database, amqp_url: str, retry_delays: tuple[float, ...] = (0.05, 0.1)) -> None:
        self.database = database
        self.name = f"test{uuid4().hex[:8]}"
        self.broker = Broker(amqp_url, self.name, retry_delays_seconds=retry_delays)
        self.fail: Callable[[HoldExpired], bool] = lambda _: False
        self.dispatcher = Dispatcher(database, [Subscribe(HoldExpired, self.handle)])
        self.relay = Relay(database.url, self.broker)
        self.consumer = Consumer(self.broker, self.dispatcher, prefetch=100, batch=20)

    async def handle(self, transaction: Transaction, event: Event[HoldExpired]) -> None:
        await transaction.execute(_EFFECT, {"what": str(event.data.order_id)})
        if self.fail(event.data):
            raise ValueError("cannot handle this one")

    async def declare(self) -> None:
        await self.broker.declare(public=self.dispatcher.public_types)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        tasks = [asyncio.create_task(self.relay.run()), asyncio.create_task(self.consumer.run())]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def parked(self) -> list[Incoming]:
        found: list[Incoming] = []

        async def look(message: Incoming, _: Publisher) -> bool:
            found.append(message)
            return False

        await self.broker.take_parked(look, most=100)
        return found

    async def clean(self) -> None:
        async with self.broker._connected("clean") as connection:
            channel = await connection.channel()
            queues = self.broker.queues
            for name in (queues.main, queues.parked, *(queues.retry(d) for d in queues.retry_delays_seconds)):
                await channel.queue_delete(name)
            await channel.exchange_delete(queues.retry_exchange)


@pytest.fixture
async def rig(database: Database, vhost_url: str) -> AsyncIterator[Rig]:
    rig = Rig(database, vhost_url)
    await rig.declare()
    yield rig
    await rig.clean()


async def test_what_is_committed_arrives_in_order_and_once(rig: Rig, database: Database) -> None:
    events = [expired() for _ in range(120)]
    async with rig.running():
        for event in events[:20]:
            await publish(database, event)
        await publish(database, *events[20:])

        async def all_there() -> bool:
            return len(await effects(database)) >= 120

        await until(all_there)
        assert await effects(database) == [str(event.order_id) for event in events]

        async def outbox_empty() -> bool:
            async with database.read() as reading:
                return not (await reading.execute(sa.text("SELECT 1 FROM outbox"))).first()

        await until(outbox_empty)


async def test_what_is_rolled_back_is_never_published(rig: Rig, database: Database) -> None:
    async def fails() -> None:
        async with database.transaction() as transaction:
            transaction.publish(expired(), subject=new_id(), sequence=1)
            await transaction.flush()
            raise RuntimeError

    with pytest.raises(RuntimeError):
        await fails()
    last = expired()
    async with rig.running():
        await publish(database, last)

        async def there() -> bool:
            return bool(await effects(database))

        await until(there)
    assert await effects(database) == [str(last.order_id)]


async def test_a_failing_event_is_retried_then_parked_and_holds_up_nobody(rig: Rig, database: Database) -> None:
    bad, good = expired(), [expired() for _ in range(10)]
    attempts = 0

    def fail(data: HoldExpired) -> bool:
        nonlocal attempts
        attempts += data.order_id == bad.order_id
        return data.order_id == bad.order_id

    rig.fail = fail
    async with rig.running():
        await publish(database, *good[:5], bad, *good[5:])

        async def parked() -> bool:
            return bool(await rig.parked())

        await until(parked)
        assert sorted(await effects(database)) == sorted(str(event.order_id) for event in good)
        (message,) = await rig.parked()
        assert message.attempt == 3
        assert "cannot handle this one" in message.headers["x-foyer-reason"]
        assert attempts >= 3

        rig.fail = lambda _: False

        async def redrive(message: Incoming, publisher: Publisher) -> bool:
            (error,) = await publisher.publish([redriven_message(rig.broker.queues, message)])
            return error is None

        assert await rig.broker.take_parked(redrive, most=10) == 1

        async def handled() -> bool:
            return str(bad.order_id) in await effects(database)

        await until(handled)
        assert await rig.parked() == []


async def test_an_event_that_succeeds_at_its_second_attempt_has_one_effect(rig: Rig, database: Database) -> None:
    event = expired()
    seen = 0

    def fail(_: HoldExpired) -> bool:
        nonlocal seen
        seen += 1
        return seen <= 2  # once in the batch, once alone

    rig.fail = fail
    async with rig.running():
        await publish(database, event)

        async def handled() -> bool:
            return bool(await effects(database))

        await until(handled)
        await asyncio.sleep(0.3)
    assert await effects(database) == [str(event.order_id)]


@pytest.mark.parametrize("body", [b"", b"not json", b"{}", b'{"specversion": "1.0"}', b"\xff\xfe", b"[" * 10_000])
async def test_what_cannot_be_read_is_parked_at_once(rig: Rig, database: Database, body: bytes) -> None:
    async with rig.running():
        async with rig.broker.publisher() as publisher:
            outgoing = Outgoing(PUBLIC_EXCHANGE, HoldExpired.type, body, str(uuid4()))
            assert await publisher.publish([outgoing]) == [None]

        async def parked() -> bool:
            return bool(await rig.parked())

        await until(parked)
        (message,) = await rig.parked()
        assert message.body == body
        assert message.headers["x-foyer-reason"].startswith("unreadable")
    assert await effects(database) == []


async def test_duplicates_and_copies_in_one_batch_have_one_effect(rig: Rig, database: Database) -> None:
    data = expired()
    event = Event.make(data, subject=data.reservation_id, sequence=1, time=database.now())
    assert await rig.dispatcher.dispatch([event, event]) == 1
    assert await rig.dispatcher.dispatch([event]) == 0
    assert await effects(database) == [str(data.order_id)]


async def test_two_relays_share_one_lock_and_the_second_takes_over(rig: Rig, database: Database) -> None:
    second = Relay(database.url, rig.broker)
    second.STANDBY_SECONDS = 0.05
    first_task = asyncio.create_task(rig.relay.run())

    async def first_leads() -> bool:
        return rig.relay.is_active

    await until(first_leads)
    second_task = asyncio.create_task(second.run())
    await asyncio.sleep(0.3)
    assert not second.is_active
    first_task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await first_task

    async def second_leads() -> bool:
        return second.is_active

    await until(second_leads)
    second_task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await second_task


async def test_the_relay_and_consumer_come_back_after_losing_their_connections(rig: Rig, database: Database) -> None:
    async with rig.running():
        await publish(database, expired())

        async def one() -> bool:
            return len(await effects(database)) == 1

        await until(one)
        admin = await asyncpg.connect(database.url)
        await admin.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        await admin.close()
        while True:
            try:
                await publish(database, expired())
                break
            except Exception:
                await asyncio.sleep(0.05)

        async def two() -> bool:
            try:
                return len(await effects(database)) == 2
            except Exception:
                return False

        await until(two)


async def test_an_event_the_broker_refuses_is_set_aside_and_the_rest_goes_on(rig: Rig, database: Database) -> None:
    async with database.transaction() as transaction:
        await transaction.execute(
            sa.text(
                "INSERT INTO outbox (event_id, exchange, type, body) VALUES (:id, 'no.such.exchange', 'x.y.v1', '')"
            ),
            {"id": uuid4()},
        )
    await publish(database, expired())
    async with rig.running():

        async def reasons() -> list[str | None]:
            async with database.read() as reading:
                return list((await reading.execute(sa.text("SELECT parked_reason FROM outbox"))).scalars())

        async def settled() -> bool:
            return len(await effects(database)) == 1 and len(await reasons()) == 1 and all(await reasons())

        await until(settled)
        assert "no.such.exchange" in str(await reasons())


async def test_the_inbox_forgets_only_what_is_old(rig: Rig, database: Database) -> None:
    data = expired()
    event = Event.make(data, subject=data.reservation_id, sequence=1, time=database.now())
    await rig.dispatcher.dispatch([event])
    real_now = database.now
    async with database.transaction() as transaction:
        await forget_handled(transaction, days=14)
    assert await rig.dispatcher.dispatch([event]) == 0
    database.now = lambda: real_now() + timedelta(days=15)
    async with database.transaction() as transaction:
        await forget_handled(transaction, days=14)
    assert await rig.dispatcher.dispatch([event]) == 1


@pytest.mark.feature("X1")
async def test_the_log_replays_the_past(rig: Rig, database: Database) -> None:
    event = expired()
    async with rig.running():
        await publish(database, event)
        async with rig.broker.tail(offset="first") as messages, asyncio.timeout(20):
            async for message in messages:
                if str(event.order_id).encode() in message.body:
                    break


@pytest.mark.feature("X1")
@pytest.mark.parametrize("comes", [True, False])
async def test_events_wait_for_the_log_of_a_broker_that_has_just_started(
    rig: Rig, database: Database, monkeypatch: pytest.MonkeyPatch, comes: bool
) -> None:
    """Until its streams are there, such a broker confirms what goes to its queues alone. Where there is none, events go
    on without it, after a while."""
    log = f"foyer.{rig.name}.log"
    monkeypatch.setattr(broker_module, "LOG_STREAM", log)
    monkeypatch.setattr(Relay, "LOG_SECONDS", 60 if comes else 0.5)
    monkeypatch.setattr(Relay, "SETTLE_SECONDS", 0.2)
    monkeypatch.setattr(Relay, "RECONNECT_SECONDS", 0.1)
    event = expired()

    async def handled() -> bool:
        return bool(await effects(database))

    async with rig.running(), rig.broker._connected("test") as connection:
        await publish(database, event)
        if comes:
            await asyncio.sleep(0.4)
            assert not await handled()
            channel = await connection.channel()
            queue = await channel.declare_queue(log, durable=True, arguments={"x-queue-type": "quorum"})
            await queue.bind(PUBLIC_EXCHANGE, "#")
        await until(handled)
        if comes:
            kept = await queue.get(timeout=5)
            assert Event[HoldExpired].model_validate_json(kept.body).data == event
            await channel.queue_delete(log)
    assert await effects(database) == [str(event.order_id)]
