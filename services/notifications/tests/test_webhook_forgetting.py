"""What was sent to webhooks is forgotten: with the person whom it is about, and when it is old (X8)."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from foyer_chassis.testing import Databases, Identity, Running, running
from foyer_contracts.samples import APPLICANT, NOW
from notifications import clock
from notifications.service import SERVICE

from .conftest import Outside, channel_settings, sample
from .test_webhooks import Receiver, admin, receiver, subscribe

__all__ = ["receiver"]
STATUS, CUSTOMER = "orders.order.status_changed.v1", "orders.customer.changed.v1"
pytestmark = pytest.mark.feature("X8")


@pytest.fixture
async def hooks(databases: Databases, identity: Identity, outside: Outside) -> AsyncIterator[Running]:
    settings = channel_settings(
        outside, webhooks_to_private_networks=True, forget_webhooks_days=14, forget_deliveries_days=14
    )
    async with running(SERVICE, databases, identity, **settings) as it:
        it.at(NOW)
        yield it


def about(person_id: UUID, sequence: int = 1) -> Any:
    return sample(STATUS, order_id=uuid4(), applicant_id=person_id, sequence=sequence)


def erased(person_id: UUID) -> Any:
    return sample(CUSTOMER, customer_id=person_id, display_name="", erased=True, sequence=99)


async def kept(it: Running, endpoint_id: str) -> list[tuple[str, str]]:
    """(event, state) of what is kept, oldest first."""
    items = (await admin(it).get(f"/v1/webhooks/{endpoint_id}/messages")).json()["items"]
    return [(item["event_id"], item["state"]) for item in reversed(items)]


async def test_what_was_sent_goes_with_the_person(hooks: Running, receiver: Receiver) -> None:
    made = (await subscribe(hooks, receiver.url)).json()
    hers, his = about(APPLICANT), about(uuid4())
    await hooks.handle(hers, his)
    await hooks.turn("webhooks")
    await hooks.handle_twice(erased(APPLICANT))
    assert await kept(hooks, made["id"]) == [(str(his.id), "sent")]


async def test_what_is_on_its_way_arrives_first(hooks: Running, receiver: Receiver) -> None:
    made = (await subscribe(hooks, receiver.url)).json()
    receiver.answers = [(503, {})]
    hers = about(APPLICANT)
    await hooks.handle(hers)
    await hooks.turn("webhooks")
    await hooks.handle(erased(APPLICANT))
    assert await kept(hooks, made["id"]) == [(str(hers.id), "queued")]
    hooks.at(NOW + timedelta(seconds=5))
    await hooks.turn("webhooks")
    assert len(receiver.calls) == 2
    assert await kept(hooks, made["id"]) == []


async def test_word_of_the_erasure_itself_goes_out(hooks: Running, receiver: Receiver) -> None:
    await subscribe(hooks, receiver.url, CUSTOMER)
    await hooks.handle(erased(APPLICANT))
    await hooks.turn("webhooks")
    ((_, body),) = receiver.calls
    assert b'"erased":true' in body


async def test_what_is_old_goes_in_batches(hooks: Running, receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "FORGOTTEN_AT_ONCE", 3)
    made = (await subscribe(hooks, receiver.url)).json()
    await hooks.handle(*(about(uuid4()) for _ in range(7)))
    await hooks.turn("webhooks")
    hooks.at(NOW + timedelta(days=1))
    receiver.answers = [(503, {}), (503, {})]
    failing = about(uuid4())
    await hooks.handle(about(uuid4()), failing)
    await hooks.turn("webhooks")
    hooks.at(NOW + timedelta(days=14))
    await hooks.turn("forget")
    assert len(await kept(hooks, made["id"])) == 9
    hooks.at(NOW + timedelta(days=14, seconds=1))
    await hooks.turn("forget")
    assert [state for _, state in await kept(hooks, made["id"])] == ["queued", "queued"], "it is still tried"
    hooks.at(NOW + timedelta(days=400))
    await hooks.turn("forget")
    assert len(await kept(hooks, made["id"])) == 2


async def test_nothing_waits_for_ever_for_an_endpoint_that_is_off(hooks: Running, receiver: Receiver) -> None:
    made = (await subscribe(hooks, receiver.url)).json()
    receiver.answers = [(503, {})]
    await hooks.handle(about(uuid4()))
    await hooks.turn("webhooks")
    await admin(hooks).patch(f"/v1/webhooks/{made['id']}", json={"enabled": False})
    hooks.at(NOW + timedelta(days=14))
    await hooks.turn("forget")
    assert len(await kept(hooks, made["id"])) == 1
    hooks.at(NOW + timedelta(days=14, seconds=1))
    await hooks.turn("forget")
    assert await kept(hooks, made["id"]) == []


async def test_old_offers_are_forgotten_too(hooks: Running) -> None:
    """Nobody would tell of them any more; what is younger is remembered."""
    offer = sample("booking.offer.taken.v1", offer_id=uuid4())
    await hooks.handle(offer)
    made = sample("booking.offer.made.v1", offer_id=offer.data.offer_id, expires_at=NOW + timedelta(days=99))
    hooks.at(NOW + timedelta(days=14, seconds=1))
    await hooks.turn("forget")
    await hooks.handle(made)
    await hooks.turn("dispatch")
    deliveries = (await admin(hooks).get("/v1/deliveries")).json()["items"]
    assert "offer_taken" not in {item["reason"] for item in deliveries}
