"""Any process killed with -9 at any hop of a journey and started again: the journey ends as it would have.

The kill comes right after the event of the hop was seen on the broker, so that the process dies while it has that
event in hand, or just before or after; all three must end in the same state.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from foyer_chassis.broker import Broker
from foyer_tools.journeys import SHORT_HOLD_SECONDS, check_paid, check_refunded, check_unpaid_and_cancelled
from foyer_tools.supervise import System
from foyer_tools.world import World, WorldError

SECONDS = 60.0
HOPS = [
    "orders.order.placed.v1",
    "booking.places.held.v1",
    "orders.order.priced.v1",
    "payments.invoice.issued.v1",
    "payments.payment.link_created.v1",
    "payments.payment.succeeded.v1",
    "booking.reservation.confirmed.v1",
]
AFFECTED = {
    "orders.order.placed.v1": ["orders-api", "orders-worker", "booking-worker", "chat-worker"],
    "booking.places.held.v1": ["booking-worker", "orders-worker"],
    "orders.order.priced.v1": ["orders-worker", "payments-worker"],
    "payments.invoice.issued.v1": ["payments-worker", "provider"],
    "payments.payment.link_created.v1": [
        *("payments-worker", "payments-api", "orders-worker", "gateway", "identity", "mailbox", "push"),
        *("booking-api", "notifications-api", "chat-api"),
    ],
    "payments.payment.succeeded.v1": ["payments-worker", "booking-worker", "orders-worker", "chat-worker"],
    "booking.reservation.confirmed.v1": ["booking-worker", "orders-worker", "notifications-worker"],
}


@asynccontextmanager
async def on_event(system: System, type_: str, act: Callable[[], Awaitable[None]]) -> AsyncIterator[None]:
    """Run `act` when an event of that type goes through the broker, while the block runs; it must happen."""
    done = asyncio.Event()

    async def watch() -> None:
        async with Broker(system.amqp_admin_url, "test").tail() as messages:
            ready.set()
            async for message in messages:
                if json.loads(message.body)["type"] == type_:
                    await act()
                    done.set()
                    return

    ready = asyncio.Event()
    task = asyncio.create_task(watch())
    await ready.wait()
    try:
        yield
        async with asyncio.timeout(SECONDS):
            await done.wait()
        await task
    finally:
        task.cancel()


async def kill_and_start(system: System, name: str) -> None:
    await asyncio.to_thread(system.kill9, name)
    await asyncio.to_thread(system.start, name, wait=False)


async def place(people: World, who: str, slot: Any, key: str) -> dict[str, Any]:
    """As a careful client does: the same key again until there is an answer."""
    for _ in range(100):
        try:
            return await people.place(who, slot, wait=30, key=key)
        except Exception:
            await asyncio.sleep(0.2)
    raise WorldError("the order could not be placed")


async def with_link(people: World, who: str, order: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}

    async def there() -> bool:
        nonlocal found
        found = await people.order(who, order["number"])
        return bool(found["money"]["payment_url"])

    await people.until(there, f"order {order['number']} has a payment link", SECONDS)
    return found


async def pay(people: World, order: dict[str, Any]) -> None:
    async def paid() -> bool:
        await people.pay(order)
        return True

    await people.until(paid, "the payer pays", SECONDS)


@pytest.mark.parametrize(("hop", "name"), [(hop, name) for hop in HOPS for name in AFFECTED[hop]])
async def test_a_paid_booking_survives_a_kill_at_each_hop(people: World, system: System, hop: str, name: str) -> None:
    people.mails_may_repeat = name in ("notifications-worker", "mailbox")
    slot = people.slot(await people.room(f"{hop} {name}"))
    async with on_event(system, hop, lambda: kill_and_start(system, name)):
        order = await place(people, "anna", slot, f"{hop}/{name}")
        order = await with_link(people, "anna", order)
        await pay(people, order)
        order = await people.until_order("anna", order["number"], "confirmed", seconds=SECONDS)
    system.wait_until_ready()
    await check_paid(people, order, slot)


@pytest.mark.parametrize("name", ["booking-worker", "orders-worker", "payments-worker"])
@pytest.mark.parametrize("hop", ["booking.hold.expired.v1", "orders.order.cancelled.v1"])
async def test_an_unpaid_order_survives_a_kill(people: World, system: System, hop: str, name: str) -> None:
    slot = people.slot(await people.room(f"{hop} {name}", hold_seconds=SHORT_HOLD_SECONDS))
    async with on_event(system, hop, lambda: kill_and_start(system, name)):
        order = await place(people, "anna", slot, f"unpaid/{hop}/{name}")
        order = await people.until_order("anna", order["number"], "cancelled", seconds=SECONDS)
    system.wait_until_ready()
    await check_unpaid_and_cancelled(people, order, "hold_expired")
    await people.until(lambda: people.slot_is_free(slot), "the slot is free again")


@pytest.mark.parametrize("name", ["booking-worker", "orders-worker", "payments-worker", "provider"])
async def test_late_money_for_a_free_place_survives_a_kill(people: World, system: System, name: str) -> None:
    slot = people.slot(await people.room(f"late and free {name}", hold_seconds=SHORT_HOLD_SECONDS))
    placed = await people.place("anna", slot)
    await people.until_order("anna", placed["number"], "cancelled")
    async with on_event(system, "payments.payment.succeeded.v1", lambda: kill_and_start(system, name)):
        await pay(people, placed)
        order = await people.until_order("anna", placed["number"], "confirmed", seconds=SECONDS)
    system.wait_until_ready()
    await check_paid(people, order, slot, invoice_status="cancelled")


@pytest.mark.parametrize("name", ["booking-worker", "orders-worker", "orders-api"])
async def test_a_fight_survives_a_kill(people: World, system: System, name: str) -> None:
    slot = people.slot(await people.room(f"fight {name}"))
    everybody = [f"visitor{number:02}" for number in range(1, 9)]
    async with on_event(system, "booking.places.held.v1", lambda: kill_and_start(system, name)):
        placed = await asyncio.gather(*(place(people, who, slot, f"fight/{name}") for who in everybody))
        ended = {}
        for who, order in zip(everybody, placed, strict=True):

            async def settled(who: str = who, number: int = order["number"]) -> bool:
                ended[who] = await people.order(who, number)
                return bool(ended[who]["status"] == "cancelled" or ended[who]["money"]["payment_url"])

            await people.until(settled, f"{who} knows", SECONDS)
    system.wait_until_ready()
    winners = [who for who, order in ended.items() if order["status"] == "new"]
    assert len(winners) == 1
    await pay(people, ended[winners[0]])
    order = await people.until_order(winners[0], ended[winners[0]]["number"], "confirmed", seconds=SECONDS)
    await check_paid(people, order, slot)


@pytest.mark.parametrize("name", ["booking-worker", "orders-worker", "payments-worker", "provider"])
async def test_late_money_for_a_taken_place_survives_a_kill(people: World, system: System, name: str) -> None:
    slot = people.slot(await people.room(f"late {name}", hold_seconds=SHORT_HOLD_SECONDS))
    placed = await people.place("anna", slot)
    await people.until_order("anna", placed["number"], "cancelled")
    winner = await people.place("boris", slot)
    await people.pay(winner)
    await people.until_order("boris", winner["number"], "confirmed")
    async with on_event(system, "payments.payment.succeeded.v1", lambda: kill_and_start(system, name)):
        await pay(people, placed)
        order = await people.until_order("anna", placed["number"], "cancelled_refunded", seconds=SECONDS)
    system.wait_until_ready()
    await check_refunded(people, order)


@pytest.mark.parametrize("hop", ["orders.order.cancelled.v1", "payments.refund.started.v1"])
@pytest.mark.parametrize("name", ["booking-worker", "orders-worker", "payments-worker", "provider"])
async def test_a_cancellation_survives_a_kill(people: World, system: System, hop: str, name: str) -> None:
    slot = people.slot(await people.room(f"cancel {hop} {name}"))
    order = await people.place("anna", slot)
    await people.pay(order)
    await people.until_order("anna", order["number"], "confirmed")
    async with on_event(system, hop, lambda: kill_and_start(system, name)):
        await people.ok("anna", "POST", f"orders/v1/orders/{order['number']}/cancel", json={})
        order = await people.until_order("anna", order["number"], "cancelled_refunded", seconds=SECONDS)
    system.wait_until_ready()
    await check_refunded(people, order)
    await people.until(lambda: people.slot_is_free(slot), "the slot is free again")


@pytest.mark.parametrize("server", ["postgres", "rabbitmq"])
@pytest.mark.parametrize("immediate", [True, False], ids=["killed", "stopped"])
async def test_a_paid_booking_survives_a_restart_of_a_server(
    people: World, system: System, server: str, immediate: bool
) -> None:
    restart = system.restart_postgres if server == "postgres" else system.restart_rabbitmq
    slot = people.slot(await people.room(f"{server} {immediate}"))

    async def act() -> None:
        await asyncio.to_thread(restart, immediate=immediate, down_seconds=1.0)

    async def ended() -> bool:
        return bool((await people.order("anna", order["number"]))["status"] == "confirmed")

    try:
        async with on_event(system, "orders.order.placed.v1", act):
            order = await place(people, "anna", slot, f"{server}/{immediate}")
            order = await with_link(people, "anna", order)
    except (OSError, ConnectionError, RuntimeError):
        # The watcher itself may have lost the broker it watches; the journey goes on.
        order = await with_link(people, "anna", order)
    await pay(people, order)
    await people.until(ended, "the order is confirmed", SECONDS)
    system.wait_until_ready()
    await check_paid(people, await people.order("anna", order["number"]), slot)
