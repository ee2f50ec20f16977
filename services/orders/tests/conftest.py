from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from foyer_chassis.testing import Databases, Identity, Running, running, utc
from foyer_contracts import booking, payments
from foyer_contracts.booking import LocationChanged, OpeningHours, ResourceChanged
from foyer_contracts.envelope import Event, EventData
from foyer_contracts.money import Money
from foyer_contracts.orders import Actor, Line
from orders.service import SERVICE

NOW = utc(2026, 12, 1, 9)
STARTS = utc(2026, 12, 2, 10)
RESOURCE = UUID("019ad9a0-0000-7000-8000-000000000004")
PRICE = Money(amount=10000, currency="RUB")
TOTAL = Money(amount=40000, currency="RUB")


@pytest.fixture
async def orders(databases: Databases, identity: Identity) -> AsyncIterator[Running]:
    async with running(SERVICE, databases, identity) as it:
        it.at(NOW)
        yield it


def location_changed(location_id: UUID, *, time_zone: str = "Europe/Moscow", **more: Any) -> Event[LocationChanged]:
    """Open from nine to six on weekdays."""
    data = LocationChanged(
        location_id=location_id,
        name="Фойе",
        time_zone=time_zone,
        opening_hours=[OpeningHours(weekday=day, opens=540, closes=1080) for day in range(5)],
        closed_days=more.pop("closed_days", []),
        **more,
    )
    return Event.make(data, subject=location_id, sequence=1, time=NOW)


def resource_changed(
    *,
    resource_id: UUID = RESOURCE,
    time_zone: str = "UTC",
    opens: int = 480,
    closes: int = 1320,
    price: Money = PRICE,
    active: bool = True,
    sequence: int = 1,
) -> Event[ResourceChanged]:
    data = ResourceChanged(
        resource_id=resource_id,
        name="Нева",
        location_id=uuid4(),
        location_name="Фойе",
        time_zone=time_zone,
        opening_hours=[OpeningHours(weekday=day, opens=opens, closes=closes) for day in range(7)],
        closed_days=[],
        slot_minutes=30,
        price=price,
        active=active,
    )
    return Event.make(data, subject=resource_id, sequence=sequence, time=NOW)


@dataclass
class Shop:
    """An orders service with one offering of one meeting room."""

    orders: Running
    offering: UUID

    def body(self, **more: Any) -> dict[str, Any]:
        slots = {
            "resource_id": str(RESOURCE),
            "starts_at": STARTS.isoformat(),
            "ends_at": (STARTS + timedelta(hours=2)).isoformat(),
        }
        return {"offering_id": str(self.offering), "slots": {**slots, **more.pop("slots", {})}, **more}

    async def place(self, username: str = "anna", *, key: str | None = None, **more: Any) -> dict[str, Any]:
        answer = await self.orders.client(username).post(
            "/v1/orders", json=self.body(**more), headers={"Idempotency-Key": key or uuid4().hex}
        )
        assert answer.status_code == 201, answer.text
        return dict(answer.json())

    async def card(self, order: dict[str, Any], username: str = "anna", *roles: str) -> dict[str, Any]:
        answer = await self.orders.client(username, *roles).get(f"/v1/orders/{order['number']}")
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    async def cancel(self, order: dict[str, Any], username: str = "anna", *roles: str, **headers: str) -> Any:
        return await self.orders.client(username, *roles).post(
            f"/v1/orders/{order['number']}/cancel",
            json={"comment": "Планы изменились"},
            headers={"Idempotency-Key": uuid4().hex, **headers},
        )


@pytest.fixture
async def shop(orders: Running) -> Shop:
    await orders.handle(resource_changed())
    answer = await orders.client("alex", "administrator").post(
        "/v1/offerings",
        json={"title": "Переговорная", "kind": "slot_booking", "responsible_ids": [str(orders.identity.id_of("rita"))]},
        headers={"Idempotency-Key": "offering"},
    )
    assert answer.status_code == 201, answer.text
    return Shop(orders, UUID(answer.json()["id"]))


class Desk:
    """Everything one does at an orders service: offerings, orders of any kind, verbs, each as whoever is named."""

    def __init__(self, orders: Running) -> None:
        self.orders = orders

    def id_of(self, username: str) -> str:
        return str(self.orders.identity.id_of(username))

    async def offering(self, kind: str = "request", **more: Any) -> dict[str, Any]:
        body = {
            "title": "Вызов сантехника",
            "kind": kind,
            "terms": "postpaid",
            "responsible_ids": [self.id_of("sergey"), self.id_of("petr")],
            **more,
        }
        answer = await self.post("alex", "/v1/offerings", body, "administrator")
        assert answer.status_code == 201, answer.text
        return dict(answer.json())

    async def item(self, offering: dict[str, Any], sku: str, amount: int, **more: Any) -> dict[str, Any]:
        body = {"sku": sku, "title": f"Товар {sku}", "price": {"amount": amount, "currency": "RUB"}, **more}
        answer = await self.post("alex", f"/v1/offerings/{offering['id']}/items", body, "administrator")
        assert answer.status_code == 201, answer.text
        return dict(answer.json())

    def client(self, username: str, *roles: str, **claims: Any) -> Any:
        return self.orders.client(username, *roles, **claims)

    async def post(self, username: str, path: str, body: dict[str, Any], *roles: str, **headers: str) -> Any:
        headers = {"Idempotency-Key": uuid4().hex, **headers}
        return await self.client(username, *roles).post(path, json=body, headers=headers)

    async def place(self, offering: dict[str, Any], username: str = "anna", *roles: str, **more: Any) -> dict[str, Any]:
        answer = await self.post(username, "/v1/orders", {"offering_id": offering["id"], **more}, *roles)
        assert answer.status_code == 201, answer.text
        return dict(answer.json())

    async def act(self, order: dict[str, Any], verb: str, username: str, *roles: str, **more: Any) -> Any:
        return await self.post(username, f"/v1/orders/{order['number']}/{verb}", more, *roles)

    async def does(self, order: dict[str, Any], verb: str, username: str, *roles: str, **more: Any) -> dict[str, Any]:
        answer = await self.act(order, verb, username, *roles, **more)
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    async def card(self, order: dict[str, Any], username: str = "anna", *roles: str) -> dict[str, Any]:
        answer = await self.client(username, *roles).get(f"/v1/orders/{order['number']}")
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    async def put(
        self, order: dict[str, Any], what: str, body: dict[str, Any], username: str = "sergey", *roles: str, **more: Any
    ) -> Any:
        """Edit what two people may edit, at the version that the order has now, unless `version` says another."""
        version = more.get("version")
        if version is None:
            version = (await self.card(order, "alex", "administrator"))["version"]
        client = self.client(username, *(roles or ("service_manager",)))
        path = f"/v1/orders/{order['number']}" + (f"/{what}" if what else "")
        call = client.put if what else client.patch
        return await call(path, json=body, headers={"If-Match": f'"{version}"'})


@pytest.fixture
def desk(orders: Running) -> Desk:
    return Desk(orders)


class Heard:
    """Events of the other services about one order, as they would publish them."""

    def __init__(self, order: dict[str, Any], *, at: datetime = NOW) -> None:
        self.order_id = UUID(order["id"])
        self.applicant_id = UUID(order["applicant_id"])
        self.reservation_id, self.invoice_id, self.payment_id, self.refund_id = (uuid4() for _ in range(4))
        self.at = at
        self.places = booking.Places(
            resource_id=RESOURCE,
            resource_name="Нева",
            location_name="Фойе",
            time_zone="UTC",
            starts_at=STARTS,
            ends_at=STARTS + timedelta(hours=2),
        )

    def _event(self, data: EventData, subject: UUID, sequence: int = 1) -> Event[Any]:
        return Event.make(data, subject=subject, sequence=sequence, time=self.at)

    def held(self) -> Event[Any]:
        line = Line(title="Нева, 30 min", quantity=4, unit_price=PRICE, total=TOTAL)
        data = booking.PlacesHeld(
            order_id=self.order_id,
            reservation_id=self.reservation_id,
            places=self.places,
            lines=[line],
            total=TOTAL,
            expires_at=self.at + timedelta(minutes=15),
        )
        return self._event(data, self.reservation_id)

    def unavailable(self, reason: str = "places_taken", *, late: bool = False) -> Event[Any]:
        data = booking.PlacesUnavailable(order_id=self.order_id, reason=reason, late=late)
        return self._event(data, self.order_id)

    def expired(self) -> Event[Any]:
        data = booking.HoldExpired(order_id=self.order_id, reservation_id=self.reservation_id)
        return self._event(data, self.reservation_id, 2)

    def confirmed(self, *, late: bool = False) -> Event[Any]:
        data = booking.ReservationConfirmed(
            order_id=self.order_id, reservation_id=self.reservation_id, places=self.places, late=late
        )
        return self._event(data, self.reservation_id, 3)

    def started(self) -> Event[Any]:
        data = booking.ReservationStarted(order_id=self.order_id, reservation_id=self.reservation_id)
        return self._event(data, self.reservation_id, 4)

    def ended(self) -> Event[Any]:
        data = booking.ReservationEnded(order_id=self.order_id, reservation_id=self.reservation_id)
        return self._event(data, self.reservation_id, 5)

    def rescheduled(self, *, hours: int, total: Money = TOTAL, sequence: int = 6) -> Event[Any]:
        moved = self.places.model_copy(
            update={
                "starts_at": self.places.starts_at + timedelta(hours=hours),
                "ends_at": self.places.ends_at + timedelta(hours=hours),
            }
        )
        data = booking.ReservationRescheduled(
            order_id=self.order_id,
            reservation_id=self.reservation_id,
            places=moved,
            previous=self.places,
            lines=[Line(title="Нева, 30 min", quantity=4, unit_price=PRICE, total=total)],
            total=total,
            actor=Actor(kind="staff", id=uuid4()),
        )
        return self._event(data, self.reservation_id, sequence)

    def link(self, payment_id: UUID | None = None, url: str = "https://pay.example.test/1") -> Event[Any]:
        data = payments.PaymentLinkCreated(
            payment_id=payment_id or self.payment_id,
            invoice_id=self.invoice_id,
            order_id=self.order_id,
            applicant_id=self.applicant_id,
            amount=TOTAL,
            url=url,
        )
        return self._event(data, data.payment_id)

    def payment_cancelled(self) -> Event[Any]:
        data = payments.PaymentCancelled(
            payment_id=self.payment_id,
            invoice_id=self.invoice_id,
            order_id=self.order_id,
            applicant_id=self.applicant_id,
            reason="replaced",
        )
        return self._event(data, self.payment_id, 3)

    def paid(self, amount: Money = TOTAL) -> Event[Any]:
        data = payments.PaymentSucceeded(
            payment_id=self.payment_id,
            invoice_id=self.invoice_id,
            order_id=self.order_id,
            applicant_id=self.applicant_id,
            amount=amount,
            paid_total=amount,
            invoice_paid=True,
            provider="yookassa",
            method="bank_card",
            paid_at=self.at,
        )
        return self._event(data, self.payment_id, 2)

    def refund_started(self, amount: Money = TOTAL, *, sequence: int = 1) -> Event[Any]:
        data = payments.RefundStarted(
            refund_id=self.refund_id,
            payment_id=self.payment_id,
            order_id=self.order_id,
            applicant_id=self.applicant_id,
            amount=amount,
        )
        return self._event(data, self.refund_id, sequence)

    def refunded(self, amount: Money = TOTAL, *, sequence: int = 5) -> Event[Any]:
        data = payments.RefundSucceeded(
            refund_id=self.refund_id,
            payment_id=self.payment_id,
            order_id=self.order_id,
            applicant_id=self.applicant_id,
            amount=amount,
            refunded_total=amount,
            pending_total=Money.zero("RUB"),
        )
        return self._event(data, self.refund_id, sequence)

    def invoice(self, state: str = "issued", *, number: int = 2001, total: Money = TOTAL, **more: Any) -> Event[Any]:
        kinds: dict[str, Any] = {
            "issued": payments.InvoiceIssued,
            "activated": payments.InvoiceActivated,
            "paid": payments.InvoicePaid,
            "cancelled": payments.InvoiceCancelled,
        }
        money = {"reason": "staff"} if state == "cancelled" else {"total": total}
        data = kinds[state](
            invoice_id=more.pop("invoice_id", self.invoice_id),
            number=number,
            order_id=self.order_id,
            applicant_id=self.applicant_id,
            **money,
            **more,
        )
        return self._event(data, data.invoice_id)

    def refund_failed(self, amount: Money = TOTAL, *, sequence: int = 4, after_success: bool = False) -> Event[Any]:
        data = payments.RefundFailed(
            refund_id=self.refund_id,
            payment_id=self.payment_id,
            order_id=self.order_id,
            applicant_id=self.applicant_id,
            amount=amount,
            reason="insufficient_funds",
            attempts=8,
            after_success=after_success,
        )
        return self._event(data, self.refund_id, sequence)
