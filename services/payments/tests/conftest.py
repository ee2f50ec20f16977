"""The service on its own database, beside a real process of the sandbox provider."""

import asyncio
import contextlib
import signal
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import httpx2
import pytest
import sqlalchemy as sa
import uvicorn
from foyer_chassis.testing import Databases, Identity, Running, running
from foyer_contracts import orders, payments
from foyer_contracts.envelope import Event
from foyer_contracts.ids import new_id
from foyer_contracts.money import Money
from foyer_sandbox.testing import SandboxProcess, free_port
from payments.service import SERVICE

SHOP = {"FOYER_YOOKASSA_SHOP_ID": "100500", "FOYER_YOOKASSA_SECRET_KEY": "test_secret"}
NOTHING = Money.zero("RUB")
OFFERING = UUID("019ad9a0-0000-7000-8000-000000000022")
ANNA, SERVICE_MANAGER, FINANCE = ("anna",), ("sergey", "service_manager"), ("fedor", "finance")


def rub(amount: int) -> Money:
    return Money(amount=amount, currency="RUB")


@pytest.fixture(scope="session")
def provider_process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SandboxProcess]:
    process = SandboxProcess("provider", tmp_path_factory.mktemp("provider"), **SHOP)
    process.start()
    yield process
    assert process.stop() in {0, -signal.SIGTERM}


STRIPE = {"FOYER_STRIPE_SECRET_KEY": "sk_test_1", "FOYER_STRIPE_WEBHOOK_SECRET": "whsec_test"}


@pytest.fixture(scope="session")
def stripe_process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SandboxProcess]:
    process = SandboxProcess("stripe", tmp_path_factory.mktemp("stripe"), **STRIPE)
    process.start()
    yield process
    assert process.stop() in {0, -signal.SIGTERM}
    assert "Traceback" not in process.log(), process.log()


class StripeSide:
    """Stripe as payers and its operators see it."""

    def __init__(self, process: SandboxProcess) -> None:
        self.process = process
        self.client = httpx2.AsyncClient(base_url=process.url, trust_env=False, timeout=10)

    async def switch(self, **switches: Any) -> None:
        (await self.client.patch("/sandbox/switches", json=switches)).raise_for_status()

    async def act(self, verb: str, provider_payment_id: str, **body: Any) -> None:
        answer = await self.client.post(f"/sandbox/sessions/{provider_payment_id}/{verb}", json=body)
        answer.raise_for_status()

    async def intents_of(self, order_id: UUID) -> list[dict[str, Any]]:
        """The provider's payments of an order, newest first, with refunds and sums."""
        found = (await self.client.get("/sandbox/sessions")).raise_for_status().json()["intents"]
        return [item for item in found if item["intent"]["metadata"].get("order_id") == str(order_id)]


@pytest.fixture
async def stripe_side(stripe_process: SandboxProcess) -> AsyncIterator[StripeSide]:
    made = StripeSide(stripe_process)
    (await made.client.delete("/sandbox/switches")).raise_for_status()
    yield made
    (await made.client.delete("/sandbox/switches")).raise_for_status()
    await made.client.aclose()


class Provider:
    """The provider as payers, its operators and an auditor see it."""

    def __init__(self, process: SandboxProcess) -> None:
        self.process = process
        self.client = httpx2.AsyncClient(base_url=process.url, trust_env=False, timeout=10)

    async def switch(self, **switches: Any) -> None:
        (await self.client.patch("/sandbox/switches", json=switches)).raise_for_status()

    async def reset(self) -> None:
        (await self.client.delete("/sandbox/switches")).raise_for_status()

    async def act(self, verb: str, provider_payment_id: str, **body: Any) -> None:
        answer = await self.client.post(f"/sandbox/payments/{provider_payment_id}/{verb}", json=body)
        answer.raise_for_status()

    async def of_order(self, order_id: UUID) -> list[dict[str, Any]]:
        """The provider's payments of an order, newest first, with refunds and sums."""
        answer = (await self.client.get("/sandbox/payments")).raise_for_status().json()
        return [item for item in answer["payments"] if item["payment"]["metadata"].get("order_id") == str(order_id)]

    async def refunds_of(self, order_id: UUID) -> list[dict[str, Any]]:
        return [refund for item in await self.of_order(order_id) for refund in item["refunds"]]


@pytest.fixture
async def provider(provider_process: SandboxProcess) -> AsyncIterator[Provider]:
    made = Provider(provider_process)
    await made.reset()
    yield made
    with contextlib.suppress(httpx2.TransportError):
        await made.reset()
    await made.client.aclose()


@dataclass
class Shop:
    """The service and its provider, with the events of one order at hand."""

    it: Running
    provider: Provider

    def priced(self, order_id: UUID, *, number: int = 1006313, **changes: Any) -> Event[Any]:
        total = changes.get("total", rub(40000))
        data = orders.OrderPriced(
            **{
                "order_id": order_id,
                "number": number,
                "applicant_id": Identity.id_of("anna"),
                "payer_kind": "individual",
                "prepaid": True,
                "description": f"Заказ {number}: Переговорная «Нева»",
                "lines": [orders.Line(title="30 минут", quantity=1, unit_price=total, total=total)],
                "total": total,
                "pay_until": self.it.database.now() + timedelta(minutes=15),
                **changes,
            }
        )
        return Event.make(data, subject=order_id, sequence=2, time=self.it.database.now())

    def placed(self, order_id: UUID, *, number: int = 1006313, **changes: Any) -> Event[Any]:
        data = orders.OrderPlaced(
            **{
                "order_id": order_id,
                "number": number,
                "kind": "request",
                "offering_id": OFFERING,
                "offering_title": "Вызов сантехника",
                "applicant_id": Identity.id_of("anna"),
                "payer_kind": "individual",
                "prepaid": False,
                "responsible_ids": [],
                "terms": "postpaid",
                **changes,
            }
        )
        return Event.make(data, subject=order_id, sequence=1, time=self.it.database.now())

    def moved(
        self, order_id: UUID, group: str, *, sequence: int = 4, number: int = 1006313, **changes: Any
    ) -> Event[Any]:
        """The order went to a status of this group."""
        data = orders.OrderStatusChanged(
            **{
                "order_id": order_id,
                "number": number,
                "kind": "request",
                "offering_title": "Вызов сантехника",
                "applicant_id": Identity.id_of("anna"),
                "from_status": "new",
                "to_status": group,
                "group": group,
                "actor": orders.Actor(kind="system"),
                **changes,
            }
        )
        return Event.make(data, subject=order_id, sequence=sequence, time=self.it.database.now())

    def changed(
        self, order_id: UUID, *, total: int | None = None, refund: int = 0, sequence: int = 5, **changes: Any
    ) -> Event[Any]:
        price = rub(total or 0)
        data = orders.OrderChanged(
            **{
                "order_id": order_id,
                "number": 1006313,
                "kind": "goods",
                "offering_title": "Запчасти",
                "applicant_id": Identity.id_of("anna"),
                "change_id": new_id(),
                "changed": ["lines"],
                "payer_kind": "individual",
                "extras_as_lines": False,
                "lines": [orders.Line(title="Фильтр", quantity=1, unit_price=price, total=price)],
                "total": None if total is None else price,
                "refund": rub(refund),
                "actor": orders.Actor(kind="system"),
                **changes,
            }
        )
        return Event.make(data, subject=order_id, sequence=sequence, time=self.it.database.now())

    def cancelled(
        self, order_id: UUID, *, refund: int = 0, reason: str = "customer_request", number: int = 1006313
    ) -> Event[Any]:
        data = orders.OrderCancelled(
            order_id=order_id,
            number=number,
            applicant_id=Identity.id_of("anna"),
            reason=reason,
            paid=rub(refund),
            fee=NOTHING,
            refund=rub(refund),
            actor=orders.Actor(kind="system"),
        )
        return Event.make(data, subject=order_id, sequence=3, time=self.it.database.now())

    async def post(self, who: tuple[str, ...], path: str, body: Any = None, *, key: str | None = None) -> Any:
        """POST as a person (name, roles…) under a key of its own; the answer."""
        headers = {"Idempotency-Key": key or str(new_id())}
        return await self.it.client(*who).post(f"/v1{path}", json=body or {}, headers=headers)

    async def seller(self, **changes: Any) -> str:
        """A legal entity, the default one unless said otherwise; its id."""
        answer = await self.post(
            FINANCE, "/legal-entities", {"name": "ООО «Фойе»", "inn": "7707083893", "is_default": True, **changes}
        )
        assert answer.status_code == 201, answer.text
        return str(answer.json()["id"])

    async def position(self, seller: str, price: int, **changes: Any) -> str:
        """A position of the seller's price list; its id."""
        answer = await self.post(
            FINANCE,
            f"/legal-entities/{seller}/positions",
            {"title": "Замена крана", "unit_price": {"amount": price, "currency": "RUB"}, **changes},
        )
        assert answer.status_code == 201, answer.text
        return str(answer.json()["id"])

    async def it_was_priced(self, **changes: Any) -> UUID:
        """An order that has its invoice; nobody asked the provider for a page yet."""
        order_id = new_id()
        await self.it.handle(self.priced(order_id, **changes))
        return order_id

    async def with_link(self, **changes: Any) -> UUID:
        """An order whose invoice has a link."""
        order_id = await self.it_was_priced(**changes)
        await self.it.turn("create")
        return order_id

    async def paid(self, **changes: Any) -> UUID:
        """An order that was paid, and the service knows it."""
        order_id = await self.with_link(**changes)
        await self.provider.act("pay", await self.provider_id(order_id))
        await self.later(seconds=10)
        await self.it.turn("check")
        return order_id

    async def invoiced(
        self, *, group: str | None = "in_work", positions: Any = None, **placed: Any
    ) -> tuple[UUID, int]:
        """A postpaid order whose staff invoice (by default 3 × 100 ₽ and 2 × 50 ₽) is paid by card: order and number."""
        order_id = new_id()
        await self.it.handle(self.placed(order_id, **placed))
        seller = await self.seller()
        wanted = positions or [{"price": 10000, "quantity": 3}, {"price": 5000, "quantity": 2}]
        body = [
            {"position_id": await self.position(seller, item["price"])}
            | {name: value for name, value in item.items() if name != "price"}
            for item in wanted
        ]
        made = await self.post(SERVICE_MANAGER, f"/orders/{order_id}/invoices", {"positions": body})
        number = made.json()["number"]
        await self.post(SERVICE_MANAGER, f"/invoices/{number}/activate")
        await self.it.turn("create")
        await self.provider.act("pay", await self.provider_id(order_id))
        await self.later(seconds=10)
        await self.it.turn("check")
        if group is not None:
            await self.it.handle(self.moved(order_id, group, kind=placed.get("kind", "request")))
        return order_id, number

    async def provider_id(self, order_id: UUID) -> str:
        """The provider's id of the order's newest payment, from the provider itself."""
        found: str = (await self.provider.of_order(order_id))[0]["payment"]["id"]
        return found

    async def later(self, **duration: float) -> None:
        """Time goes on for the service."""
        self.it.at(self.it.database.now() + timedelta(**duration))

    async def events(self, order_id: UUID) -> list[str]:
        """Types of the events about an order, without service and version, oldest first; settlements, which a loop
        posts whenever it comes to that, are left out."""
        return [
            event.type.removeprefix("payments.").removesuffix(".v1")
            for event in await self.it.published()
            if event.data.order_id == order_id and event.type != payments.SettlementPosted.type
        ]

    async def one(self, type_: str, order_id: UUID) -> Any:
        """The data of the only event of this type about the order."""
        (event,) = [item for item in await self.it.published(type_) if item.data.order_id == order_id]
        return event.data

    async def rows(self, statement: str, **parameters: Any) -> list[dict[str, Any]]:
        async with self.it.database.read() as transaction:
            return [dict(row) for row in await transaction.all(sa.text(statement), parameters)]

    async def account(self, order_id: UUID) -> tuple[int, int, int]:
        """(paid, refunded, pending) in minor units."""
        (row,) = await self.rows(
            "SELECT paid, refunded, pending_refund FROM order_accounts WHERE order_id = :id", id=order_id
        )
        return row["paid"], row["refunded"], row["pending_refund"]

    async def audit(self) -> None:
        """The ledger balances, and it, the accounts and the provider agree on every order."""
        for row in await self.rows("SELECT currency, sum(amount) AS total FROM ledger_postings GROUP BY currency"):
            assert row["total"] == 0
        for row in await self.rows(
            "SELECT a.order_id, a.paid, a.refunded, coalesce(sum(p.amount), 0) AS booked FROM order_accounts a "
            "LEFT JOIN ledger_transactions t ON t.order_id = a.order_id "
            "LEFT JOIN ledger_postings p ON p.transaction_id = t.id AND p.account LIKE 'provider:%' "
            "GROUP BY a.order_id"
        ):
            theirs = await self.provider.of_order(row["order_id"])
            assert row["paid"] == sum(item["sums"]["paid"] for item in theirs)
            assert row["refunded"] == sum(item["sums"]["refunded"] for item in theirs)
            assert row["booked"] == row["paid"] - row["refunded"]

    @asynccontextmanager
    async def live(self, *, webhooks: bool = True) -> AsyncIterator[str]:
        """Loops run by themselves and the HTTP process answers at the address this yields."""
        self.it.database.now = lambda: datetime.now(UTC)
        port = free_port()
        server = uvicorn.Server(
            uvicorn.Config(
                self.it.app, port=port, log_config=None, access_log=False, lifespan="off", proxy_headers=False
            )
        )
        server.capture_signals = contextlib.nullcontext  # type: ignore[method-assign,assignment]
        tasks = [asyncio.create_task(loop.run()) for loop in self.it.loops.values()]
        serving = asyncio.create_task(server.serve())
        while not server.started:
            await asyncio.sleep(0.01)
        url = f"http://127.0.0.1:{port}"
        if webhooks:
            await self.provider.switch(webhook_url=f"{url}/v1/webhooks/yookassa")
        try:
            yield url
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            server.should_exit = True
            await serving


async def eventually(check: Callable[[], Awaitable[Any]], *, seconds: float = 8) -> Any:
    """The first truth `check` returns."""
    deadline = time.monotonic() + seconds
    while True:
        if result := await check():
            return result
        assert time.monotonic() < deadline, f"not within {seconds} s"
        await asyncio.sleep(0.02)


SETTINGS: dict[str, Any] = {
    "yookassa_shop_id": SHOP["FOYER_YOOKASSA_SHOP_ID"],
    "yookassa_secret_key": SHOP["FOYER_YOOKASSA_SECRET_KEY"],
    "yookassa_webhook_networks": "127.0.0.1/32",
    "payment_return_url": "http://127.0.0.1/orders?from=provider",
    "provider_timeout_seconds": 2,
    "lease_seconds": 5,
    "refund_retry_seconds": (5, 30, 120),
}


@asynccontextmanager
async def opened(databases: Databases, identity: Identity, provider: Provider, **settings: Any) -> AsyncIterator[Shop]:
    configured = {"yookassa_url": f"{provider.process.url}/v3", **SETTINGS, **settings}
    async with running(SERVICE, databases, identity, **configured) as it:
        it.at(datetime.now(UTC))
        yield Shop(it, provider)


@pytest.fixture
async def shop(databases: Databases, identity: Identity, provider: Provider) -> AsyncIterator[Shop]:
    async with opened(databases, identity, provider) as made:
        yield made


@pytest.fixture
async def run() -> Callable[[Awaitable[None]], None]:
    """Runs a coroutine on the session's loop from the plain function that hypothesis calls."""
    return asyncio.get_running_loop().run_until_complete
