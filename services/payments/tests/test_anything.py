"""Anything in any order, with crashes between: in the end provider, accounts and ledger agree to the kopeck.

Each seed is a sequence of its own; a failing one is repeated by its number.
"""

import random
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

import httpx2
import pytest
from foyer_chassis.testing import Identity
from foyer_contracts import payments as events
from foyer_contracts.ids import new_id
from payments.auditing.use_cases import replay
from payments.closing import store as closing
from payments.paying import store as payments
from payments.refunding import store as refunds

from .conftest import ANNA, FINANCE, SERVICE_MANAGER, SHOP, Shop, rub

STEPS = 60
BOSS = ("boss", "administrator")


class Chaos:
    """What people, providers and crashes do; every deed may be refused, none may break anything."""

    def __init__(self, shop: Shop, seed: int) -> None:
        self.shop = shop
        self.dice = random.Random(seed)
        self.orders: list[UUID] = []
        self.sequence = 10
        self.position = ""
        self.hooks: list[str] = []

    async def start(self) -> None:
        seller = await self.shop.seller(commission_percent="7.5", surcharge_percent="1.5")
        self.position = await self.shop.position(seller, 3333)

    def order(self) -> UUID:
        return self.dice.choice(self.orders)

    async def post(self, who: tuple[str, ...], path: str, body: Any = None) -> Any:
        answer = await self.shop.post(who, path, body)
        assert answer.status_code < 500, answer.text
        return answer

    async def new_order(self) -> None:
        terms = self.dice.choice(["prepaid", "part_payment", "account", "postpaid"])
        order_id, number = new_id(), len(self.orders)
        self.orders.append(order_id)
        total = rub(self.dice.choice([1, 9999, 33333, 40000]))
        placed = self.shop.placed(order_id, kind="request", terms=terms, number=number)
        priced = self.shop.priced(order_id, terms=terms, prepaid=False, total=total, number=number, pay_until=None)
        batch = [placed] if terms == "postpaid" else [placed, priced]
        self.dice.shuffle(batch)
        await self.shop.it.handle(*batch)
        await self.shop.it.handle(self.shop.moved(order_id, "in_work", number=number))

    async def staff_invoice(self) -> None:
        wanted = {"position_id": self.position, "quantity": self.dice.randint(1, 3), "discount_percent": "12.5"}
        made = await self.post(SERVICE_MANAGER, f"/orders/{self.order()}/invoices", {"positions": [wanted]})
        if made.status_code == 201:
            verb = self.dice.choice(
                [("activate", None), ("mark-paid", {"method": "cash"}), ("cancel", {"reason": "x"})]
            )
            await self.post(SERVICE_MANAGER, f"/invoices/{made.json()['number']}/{verb[0]}", verb[1])

    async def invoice(self) -> dict[str, Any] | None:
        items = (await self.shop.it.client(*BOSS).get(f"/v1/invoices?order_id={self.order()}")).json()["items"]
        return self.dice.choice(items) if items else None

    async def take_part(self) -> None:
        if (invoice := await self.invoice()) is not None:
            amount = self.dice.choice([100, 5000, invoice["remainder"]["amount"]])
            body = {"amount": {"amount": amount, "currency": "RUB"}, "method": "transfer"}
            await self.post(SERVICE_MANAGER, f"/invoices/{invoice['number']}/take", body)

    async def choose_again(self) -> None:
        if (invoice := await self.invoice()) is not None:
            await self.post(ANNA, f"/invoices/{invoice['number']}/pay", {"way": "sbp", "email": "anna@example.test"})

    async def cancel_invoice(self) -> None:
        if (invoice := await self.invoice()) is not None:
            await self.post(SERVICE_MANAGER, f"/invoices/{invoice['number']}/cancel", {"reason": "x"})

    async def at_the_provider(self) -> None:
        """Any page, also an old one, is paid, declined, or runs out of time."""
        rows = await self.shop.rows(
            "SELECT provider_payment_id AS id FROM payments WHERE provider_payment_id IS NOT NULL"
        )
        if rows:
            id_ = self.dice.choice(rows)["id"]
            self.hooks.append(id_)
            verb = self.dice.choice(["pay", "pay", "pay", "decline", "expire"])
            await self.shop.provider.client.post(f"/sandbox/payments/{id_}/{verb}", json={})

    async def webhooks(self) -> None:
        """Late, repeated, in any order, about nothing, forged: only hints."""
        for id_ in [*self.dice.sample(self.hooks, min(2, len(self.hooks))), str(new_id())]:
            hint = {"event": self.dice.choice(["payment.succeeded", "refund.succeeded"]), "object": {"id": id_}}
            await self.shop.it.client().post("/v1/webhooks/yookassa", json=hint)

    async def staff_refund(self) -> None:
        body: dict[str, Any] = {"reason": "x"}
        if self.dice.random() < 0.7:
            body["amount"] = {"amount": self.dice.choice([1, 777, 20000]), "currency": "RUB"}
        await self.post(FINANCE, f"/orders/{self.order()}/refunds", body)

    async def hand_out(self) -> None:
        rows = await self.shop.rows("SELECT id FROM refunds WHERE status = 'at_desk'")
        if rows:
            await self.post(FINANCE, f"/refunds/{self.dice.choice(rows)['id']}/hand-out")

    async def top_up(self) -> None:
        method = self.dice.choice(["online", "cash"])
        body = {"customer_id": str(Identity.id_of("anna")), "method": method}
        await self.post(BOSS, "/top-ups", body | {"amount": {"amount": 30000, "currency": "RUB"}})

    async def change(self) -> None:
        self.sequence += 1
        order_id = self.order()
        change = self.shop.changed(
            order_id,
            total=self.dice.choice([5000, 20000, 50000, 0]),
            refund=self.dice.choice([0, 3333]),
            sequence=self.sequence,
            number=self.orders.index(order_id),
            kind="request",
        )
        await self.shop.it.handle(change)
        await self.shop.it.handle(change)

    async def cancel_order(self) -> None:
        order_id = self.order()
        number = self.orders.index(order_id)
        await self.shop.it.handle(self.shop.cancelled(order_id, refund=self.dice.choice([0, 40000]), number=number))

    async def release(self) -> None:
        self.sequence += 1
        order_id = self.order()
        moved = self.shop.moved(
            order_id, "in_work", reason="funds_received", sequence=self.sequence, number=self.orders.index(order_id)
        )
        await self.shop.it.handle(moved)

    async def work(self) -> None:
        loop = self.dice.choice(["create", "check", "refund", "settle"])
        await self.shop.it.turn(loop)

    async def crash(self) -> None:
        """A worker claims everything there is to do and is killed."""
        claim: Callable[..., Awaitable[Any]] = self.dice.choice(
            [payments.claim_to_create, payments.claim_to_check, refunds.claim, closing.claim]
        )
        async with self.shop.it.database.transaction() as transaction:
            await claim(transaction, until=transaction.now + timedelta(seconds=5), most=50)

    async def trouble(self) -> None:
        await self.shop.provider.switch(
            lose_answer_next=self.dice.choice([0, 1, 2]),
            fail_next=self.dice.choice([[], [{"status": 500, "count": 2}]]),
            refund_failure=self.dice.choice(["off", "off", "canceled"]),
            pay_on_create=self.dice.choice(["off", "off", "pay"]),
        )

    async def time_passes(self) -> None:
        await self.shop.later(minutes=self.dice.choice([1, 10]))

    async def step(self) -> None:
        deeds = [
            *[self.new_order, self.at_the_provider, self.work] * 3,
            *[self.staff_invoice, self.take_part, self.choose_again, self.staff_refund, self.change, self.time_passes]
            * 2,
            *[self.webhooks, self.hand_out, self.top_up, self.cancel_order, self.cancel_invoice, self.release],
            *[self.crash, self.trouble],
        ]
        deed = self.dice.choice(deeds) if self.orders else self.new_order
        await deed()

    async def come_to_rest(self) -> None:
        await self.shop.provider.reset()
        for _ in range(12):
            await self.shop.later(minutes=20)
            for loop in ("create", "check", "refund", "settle", "close_receipt"):
                await self.shop.it.turn(loop)

    async def audit(self) -> None:
        async with self.shop.it.database.transaction() as transaction:
            assert (await replay(transaction)).differences == []
        theirs = (await self.shop.provider.client.get("/sandbox/payments")).json()["payments"]
        mine = {str(order_id) for order_id in self.orders}
        theirs = [item for item in theirs if item["payment"]["metadata"].get("order_id") in mine]
        ids = [item["payment"]["metadata"]["payment_id"] for item in theirs]
        assert len(ids) == len(set(ids)), "no payment was made twice"
        (ours,) = await self.shop.rows(
            "SELECT coalesce(sum(received + surcharge), 0)::bigint AS paid FROM payments "
            "WHERE provider = 'yookassa' AND order_id IS NOT NULL AND received IS NOT NULL"
        )
        assert ours["paid"] == sum(item["sums"]["paid"] for item in theirs)
        (back,) = await self.shop.rows(
            "SELECT coalesce(sum(amount + surcharge), 0)::bigint AS refunded FROM refunds "
            "WHERE provider = 'yookassa' AND status = 'succeeded'"
        )
        assert back["refunded"] == sum(item["sums"]["refunded"] for item in theirs)
        for row in await self.shop.rows("SELECT * FROM order_accounts"):
            assert 0 <= row["refunded"] + row["pending_refund"] <= row["paid"]
        assert await self.shop.rows("SELECT id FROM refunds WHERE status IN ('requested', 'in_progress')") == []
        told = [item.data.payment_id for item in await self.shop.it.published(events.PaymentSucceeded.type)]
        assert len(told) == len(set(told)), "each payment is told once"
        charged = await self.shop.rows("SELECT balance, credit_limit FROM customer_accounts")
        assert all(row["balance"] + row["credit_limit"] >= 0 for row in charged)


@pytest.mark.feature("X3")
@pytest.mark.feature("C8")
@pytest.mark.parametrize("seed", range(8))
async def test_whatever_happens_the_books_agree(shop: Shop, seed: int, capfd: pytest.CaptureFixture[str]) -> None:
    chaos = Chaos(shop, seed)
    await chaos.start()
    for _ in range(STEPS):
        try:
            await chaos.step()
        except httpx2.TransportError as error:
            raise AssertionError(f"the service answered nothing: {error}") from error
    await chaos.come_to_rest()
    await chaos.audit()
    said = "".join(capfd.readouterr())
    for secret in (SHOP["FOYER_YOOKASSA_SECRET_KEY"], "anna@example.test", "+79000000001"):
        assert secret not in said
