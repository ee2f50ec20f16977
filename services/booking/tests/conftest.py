from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import Any, Literal
from uuid import UUID, uuid4

import pytest
from booking.service import SERVICE
from foyer_chassis.testing import Databases, Identity, Running, running, utc
from foyer_contracts.envelope import Event
from foyer_contracts.money import Money
from foyer_contracts.orders import Actor, OrderCancelled, OrderPlaced, SlotRequest, Terms
from foyer_contracts.payments import PaymentSucceeded

NOW = utc(2026, 12, 1, 9)
TOMORROW = utc(2026, 12, 2, 9)
WHOLE_DAY = [{"weekday": day, "opens": 0, "closes": 1440} for day in range(7)]
NINE_TO_NINE = [{"weekday": day, "opens": 540, "closes": 1260} for day in range(7)]


@pytest.fixture
async def booking(databases: Databases, identity: Identity) -> AsyncIterator[Running]:
    async with running(SERVICE, databases, identity) as it:
        it.at(NOW)
        yield it


async def add_resource(
    booking: Running,
    *,
    time_zone: str = "UTC",
    hours: list[dict[str, int]] | None = None,
    slot_minutes: int = 30,
    beside: UUID | None = None,
    **more: object,
) -> UUID:
    """A resource, made through the API by an administrator, at a location of its own or `beside` another; its id."""
    admin = booking.client("alex", "administrator")
    if beside is None:
        location = await admin.post(
            "/v1/locations",
            json={"name": "Фойе", "time_zone": time_zone, "opening_hours": hours or WHOLE_DAY},
            headers={"Idempotency-Key": uuid4().hex},
        )
        assert location.status_code == 201, location.text
        location_id = location.json()["id"]
    else:
        location_id = (await admin.get(f"/v1/resources/{beside}")).json()["location_id"]
    resource = await admin.post(
        "/v1/resources",
        json={
            "location_id": location_id,
            "name": "Нева",
            "slot_minutes": slot_minutes,
            "price": {"amount": 10000, "currency": "RUB"},
            **more,
        },
        headers={"Idempotency-Key": uuid4().hex},
    )
    assert resource.status_code == 201, resource.text
    return UUID(resource.json()["id"])


def placed(
    resource_id: UUID,
    starts_at: datetime = TOMORROW,
    *,
    minutes: int = 120,
    order_id: UUID | None = None,
    applicant_id: UUID | None = None,
    prepaid: bool = True,
    terms: Terms | None = None,
    payer_kind: Literal["individual", "company"] = "individual",
    **slots: Any,
) -> Event[OrderPlaced]:
    """`slots`: more of the `SlotRequest`, e.g. `quantity`."""
    order_id = order_id or uuid4()
    data = OrderPlaced(
        order_id=order_id,
        number=1006313,
        kind="slot_booking",
        offering_id=uuid4(),
        offering_title="Переговорная",
        applicant_id=applicant_id or uuid4(),
        payer_kind=payer_kind,
        prepaid=prepaid,
        terms=terms,
        responsible_ids=[],
        slots=SlotRequest(
            resource_id=resource_id, starts_at=starts_at, ends_at=starts_at + timedelta(minutes=minutes), **slots
        ),
    )
    return Event.make(data, subject=order_id, sequence=1, time=NOW)


def paid(order_id: UUID, *, whole: bool = True) -> Event[PaymentSucceeded]:
    amount = Money(amount=40000, currency="RUB")
    data = PaymentSucceeded(
        payment_id=uuid4(),
        invoice_id=uuid4(),
        order_id=order_id,
        applicant_id=uuid4(),
        amount=amount,
        paid_total=amount,
        invoice_paid=whole,
        provider="yookassa",
        method="bank_card",
        paid_at=NOW,
    )
    return Event.make(data, subject=data.payment_id, sequence=2, time=NOW)


def cancelled(order_id: UUID, reason: str, *, sequence: int = 5) -> Event[OrderCancelled]:
    nothing = Money.zero("RUB")
    data = OrderCancelled(
        order_id=order_id,
        number=1006313,
        applicant_id=uuid4(),
        reason=reason,
        paid=nothing,
        fee=nothing,
        refund=nothing,
        actor=Actor(kind="system"),
    )
    return Event.make(data, subject=order_id, sequence=sequence, time=NOW)
