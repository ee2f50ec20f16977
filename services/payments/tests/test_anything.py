"""Anything in any order, with crashes between any two steps, at either provider: in the end provider, accounts and
ledger agree to the kopeck.

hypothesis draws the sequences. They are the same at each run; with `FOYER_SEQUENCES=200` in the environment they are so
many others, and what fails is shrunk to the shortest that does, which takes minutes.
"""

import os
import random
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from contextlib import nullcontext
from typing import Any, TypeVar
from uuid import UUID

import httpx2
import pytest
from foyer_chassis.testing import Databases, Identity
from foyer_contracts import payments as events
from foyer_contracts.ids import new_id
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from payments.auditing.use_cases import replay

from .conftest import ANNA, FINANCE, SERVICE_MANAGER, SHOP, STRIPE, Provider, StripeSide, rub
from .sides import LOOPS, NAMES, Till, till
from .test_checkout import RECEIPTS

SEARCHING = "FOYER_SEQUENCES" in os.environ
SEQUENCES = int(os.environ.get("FOYER_SEQUENCES", "8"))
LONGEST = 60
BOSS = ("boss", "administrator")
ANNAS_ID = str(Identity.id_of("anna"))

T = TypeVar("T")


class Chaos:
    """What people, providers and crashes do; every deed may be refused, none may break anything."""

    def __init__(self, at: Till, dice: random.Random) -> None:
        self.at = at
        self.shop = at.shop
        self.dice = dice
        self.orders: list[UUID] = []
        self.disputes: list[str] = []
        self.sequence = 10
        self.position = ""

    def pick(self, options: Sequence[T]) -> T:
        return self.dice.choice(options)

    async def start(self) -> None:
        """One order is paid and its card saved, so that there is something to charge and to give back at once."""
        # Stripe makes no receipts.
        fiscal = {"receipts": RECEIPTS} if self.at.name == "yookassa" else {}
        seller = await self.shop.seller(commission_percent="7.5", surcharge_percent="1.5", **fiscal)
        self.position = await self.shop.position(seller, 3333)
        self.orders.append(new_id())
        await self.shop.it.handle(self.shop.placed(self.orders[0], terms="prepaid", number=0))
        await self.shop.it.handle(self.shop.priced(self.orders[0], number=0, pay_until=None))
        await self.shop.it.handle(self.shop.moved(self.orders[0], "in_work", number=0))
        (row,) = await self.shop.rows("SELECT number FROM invoices")
        await self.shop.post(ANNA, f"/invoices/{row['number']}/pay", {"save_card": True})
        await self.shop.it.turn("create")
        await self.at.act("pay", (await self.known_there())[-1])
        await self.shop.later(minutes=1)
        await self.shop.it.turn("check")

    async def post(self, who: tuple[str, ...], path: str, body: Any = None) -> Any:
        """A click, or the same click twice; the first answer."""
        key = str(new_id())
        answers = [await self.shop.post(who, path, body, key=key) for _ in range(self.pick([1, 1, 2]))]
        assert all(answer.status_code < 500 for answer in answers), answers[0].text
        assert len({answer.text for answer in answers if answer.is_success}) <= 1
        return answers[0]

    async def handle(self, *events: Any) -> None:
        """The events come, perhaps again."""
        for _ in range(self.pick([1, 1, 2])):
            await self.shop.it.handle(*events)

    # ---- what orders tell

    async def new_order(self) -> None:
        terms = self.pick(["prepaid", "part_payment", "account", "postpaid"])
        order_id, number = new_id(), len(self.orders)
        self.orders.append(order_id)
        total = rub(self.pick([40000, 33333, 9999, 1]))
        placed = self.shop.placed(order_id, kind="request", terms=terms, number=number)
        priced = self.shop.priced(order_id, terms=terms, prepaid=False, total=total, number=number, pay_until=None)
        both = self.pick([[placed, priced], [priced, placed]])
        await self.handle(*([placed] if terms == "postpaid" else both))
        await self.handle(self.shop.moved(order_id, "in_work", number=number))

    async def change(self) -> None:
        self.sequence += 1
        order_id = self.pick(self.orders)
        await self.handle(
            self.shop.changed(
                order_id,
                total=self.pick([5000, 20000, 50000, 0]),
                refund=self.pick([0, 3333]),
                sequence=self.sequence,
                number=self.orders.index(order_id),
                kind="request",
            )
        )

    async def cancel_order(self) -> None:
        order_id = self.pick(self.orders)
        refund = self.pick([0, 40000])
        await self.handle(self.shop.cancelled(order_id, refund=refund, number=self.orders.index(order_id)))

    async def move(self) -> None:
        self.sequence += 1
        order_id, number = self.pick(self.orders), 0
        number = self.orders.index(order_id)
        group, reason = self.pick([("in_work", "funds_received"), ("done", None)])
        moved = self.shop.moved(order_id, group, reason=reason, sequence=self.sequence, number=number)
        await self.handle(moved)

    # ---- what staff and customers do

    async def invoice(self) -> dict[str, Any] | None:
        path = f"/v1/invoices?order_id={self.pick(self.orders)}"
        items = (await self.shop.it.client(*BOSS).get(path)).json()["items"]
        return self.pick(items) if items else None

    async def staff_invoice(self) -> None:
        wanted = {"position_id": self.position, "quantity": self.pick([1, 3]), "discount_percent": "12.5"}
        made = await self.post(SERVICE_MANAGER, f"/orders/{self.pick(self.orders)}/invoices", {"positions": [wanted]})
        if made.status_code == 201:
            verb, body = self.pick([("activate", None), ("mark-paid", {"method": "cash"}), ("cancel", {"reason": "x"})])
            await self.post(SERVICE_MANAGER, f"/invoices/{made.json()['number']}/{verb}", body)

    async def take_part(self) -> None:
        if (invoice := await self.invoice()) is not None:
            amount = self.pick([invoice["remainder"]["amount"], 5000, 100])
            body = {"amount": {"amount": amount, "currency": "RUB"}, "method": "transfer"}
            await self.post(SERVICE_MANAGER, f"/invoices/{invoice['number']}/take", body)

    async def choose_again(self) -> None:
        """Another page, or the card that was saved."""
        if (invoice := await self.invoice()) is None or invoice["status"] != "issued":
            return
        cards = (await self.shop.it.client("anna").get("/v1/cards")).json()["items"]
        choice = {"card_id": cards[0]["id"]} if cards and self.pick([True, True, False]) else {"save_card": True}
        body = {**choice, "email": "anna@example.test"}
        await self.post(ANNA, f"/invoices/{invoice['number']}/pay", body)

    async def cancel_invoice(self) -> None:
        if (invoice := await self.invoice()) is not None:
            await self.post(SERVICE_MANAGER, f"/invoices/{invoice['number']}/cancel", {"reason": "x"})

    async def staff_refund(self) -> None:
        amount = self.pick([None, 1, 777, 20000])
        body = {"reason": "x"} | ({} if amount is None else {"amount": {"amount": amount, "currency": "RUB"}})
        await self.post(FINANCE, f"/orders/{self.pick(self.orders)}/refunds", body)

    async def see_to_refunds(self) -> None:
        """What waits at the desk is handed out; what failed is tried again, or settled by another way."""
        rows = await self.shop.rows("SELECT id, status FROM refunds WHERE status IN ('at_desk', 'failed') ORDER BY id")
        if rows:
            refund = self.pick(rows)
            verb = "hand-out" if refund["status"] == "at_desk" else self.pick(["retry", "settle-otherwise"])
            await self.post(FINANCE, f"/refunds/{refund['id']}/{verb}", {"method": "transfer"})

    async def top_up(self) -> None:
        body = {"customer_id": ANNAS_ID, "method": self.pick(["online", "cash"])}
        await self.post(BOSS, "/top-ups", body | {"amount": {"amount": 30000, "currency": "RUB"}})

    # ---- what the world does

    async def known_there(self) -> list[str]:
        rows = await self.shop.rows(
            "SELECT provider_payment_id AS id FROM payments WHERE provider_payment_id IS NOT NULL ORDER BY payments.id"
        )
        return [row["id"] for row in rows]

    async def at_the_provider(self) -> None:
        """Any page, also an old one, is paid, declined, or runs out of time."""
        if known := await self.known_there():
            await self.at.act(self.pick(["pay", "pay", "pay", "decline", "expire"]), self.pick(known))

    async def somebody_pays(self) -> None:
        """The newest page; what becomes of it the service has to find out."""
        await self.work("create")
        if known := await self.known_there():
            await self.at.act("pay", known[-1])

    async def webhooks(self) -> None:
        """Late, repeated, in any order, about nothing, forged: only hints."""
        refunds = await self.shop.rows(
            "SELECT provider_refund_id AS id FROM refunds WHERE provider_refund_id IS NOT NULL ORDER BY id"
        )
        about = [*await self.known_there(), "cs_nobodys"]
        for _ in range(self.pick([1, 2])):
            await self.at.webhook(self.pick(about))
            await self.at.webhook(self.pick(about), forged=True)
            await self.at.webhook(self.pick([*[row["id"] for row in refunds], "re_nobodys"]), refund=True)

    async def bounce(self) -> None:
        """The bank sends money back that had been given back; its webhook comes, or is lost, or lies."""
        done = await self.shop.rows(
            "SELECT provider_refund_id AS id FROM refunds "
            "WHERE status = 'succeeded' AND provider_refund_id IS NOT NULL ORDER BY id"
        )
        if done:
            their_id = self.pick(done)["id"]
            await self.at.bounce(their_id)
            for _ in range(self.pick([0, 1, 2])):
                await self.at.webhook(their_id, refund=True)

    async def dispute(self) -> None:
        """A payer goes to the bank, or the bank decides; a webhook comes, or is lost."""
        if self.disputes and self.dice.random() < 0.5:
            number: str | None = self.pick(self.disputes)
            await self.at.decide(str(number), self.pick(["won", "lost", "escalated", "dropped"]))
        elif charges := await self.at.charges():
            charge = self.pick(charges)
            amount = self.pick([charge.paid, 777])
            number = await self.at.dispute(charge, min(amount, charge.paid), inquiry=self.pick([False, False, True]))
            self.disputes += [] if number is None else [number]
        else:
            return
        if number is not None:
            for _ in range(self.pick([0, 1, 2])):
                await self.at.webhook(number, dispute=True)

    async def work(self, only: str | None = None) -> None:
        """Loops turn; or the worker is killed while they do, before or after the provider did its part."""
        loops = [only] if only else self.pick([LOOPS, *([loop] for loop in LOOPS)])
        where = self.pick([None, None, None, "claimed", "asked"])
        with nullcontext() if where is None else self.at.killed(where):
            for loop in loops:
                await self.shop.it.turn(loop)

    async def trouble(self) -> None:
        await self.at.trouble(
            lost=self.pick([0, 1, 2]), failing=self.pick([0, 2]), refunds_refused=self.pick([False, True])
        )

    async def time_passes(self) -> None:
        await self.shop.later(minutes=self.pick([1, 10, 60]))

    def deeds(self) -> list[Callable[[], Awaitable[None]]]:
        return [
            *[self.somebody_pays, self.work] * 4,
            self.at_the_provider,
            *[self.new_order, self.choose_again, self.staff_refund, self.trouble] * 3,
            *[self.staff_invoice, self.take_part, self.change, self.time_passes, self.see_to_refunds, self.bounce] * 2,
            *[self.webhooks, self.top_up, self.cancel_order, self.cancel_invoice, self.move],
            self.dispute,
        ]

    # ---- what must be true in the end

    async def audit(self) -> None:
        async with self.shop.it.database.transaction() as transaction:
            assert (await replay(transaction)).differences == []
        for row in await self.shop.rows("SELECT sum(amount)::bigint AS rest FROM ledger_postings GROUP BY currency"):
            assert row["rest"] == 0
        await self.provider_agrees()
        for row in await self.shop.rows("SELECT * FROM order_accounts"):
            assert 0 <= row["refunded"] + row["pending_refund"] + row["disputed"] <= row["paid"]
        assert await self.shop.rows("SELECT id FROM refunds WHERE status IN ('requested', 'in_progress')") == []
        for table in ("closing_receipts", "advance_offsets"):
            rows = await self.shop.rows(f"SELECT payment_id FROM {table} WHERE status IN ('due', 'failed')")
            assert rows == [], f"{table}: each receipt was made"
        told = [item.data.payment_id for item in await self.shop.it.published(events.PaymentSucceeded.type)]
        assert len(told) == len(set(told)), "each payment is told once"
        back = Counter(item.data.refund_id for item in await self.shop.it.published(events.RefundSucceeded.type))
        back.subtract(
            item.data.refund_id
            for item in await self.shop.it.published(events.RefundFailed.type)
            if item.data.after_success
        )
        done = {row["id"] for row in await self.shop.rows("SELECT id FROM refunds WHERE status = 'succeeded'")}
        assert {id_: count for id_, count in back.items() if count} == dict.fromkeys(done, 1), "each is told once"
        balances = await self.shop.rows("SELECT balance, credit_limit FROM customer_accounts")
        assert all(row["balance"] + row["credit_limit"] >= 0 for row in balances)

    async def provider_agrees(self) -> None:
        """Payment by payment, and with the ledger's account of the provider."""
        charges = await self.at.charges()
        by_payment = {charge.payment_id: (charge.paid, charge.refunded) for charge in charges}
        assert len(by_payment) == len(charges), "nothing was charged twice"
        ours = await self.shop.rows(
            "SELECT p.id::text, received + p.surcharge AS paid, coalesce(sum(r.amount + r.surcharge), 0)::bigint AS back "
            "FROM payments p LEFT JOIN refunds r ON r.payment_id = p.id AND r.status = 'succeeded' "
            "AND r.provider = p.provider WHERE p.provider = :name AND received IS NOT NULL GROUP BY p.id",
            name=self.at.name,
        )
        assert {row["id"]: (row["paid"], row["back"]) for row in ours} == by_payment
        (ledger,) = await self.shop.rows(
            "SELECT coalesce(sum(amount), 0)::bigint AS held FROM ledger_postings WHERE account = :name",
            name=f"provider:{self.at.name}",
        )
        assert ledger["held"] == sum(charge.paid - charge.refunded - charge.disputed for charge in charges)


@pytest.mark.feature("X3")
@pytest.mark.feature("C8")
@pytest.mark.parametrize("name", NAMES)
@settings(
    max_examples=SEQUENCES,
    derandomize=not SEARCHING,
    phases=[Phase.generate, Phase.shrink] if SEARCHING else [Phase.generate],
    database=None,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
@given(data=st.data())
def test_whatever_happens_the_books_agree(
    name: str,
    data: st.DataObject,
    databases: Databases,
    identity: Identity,
    provider: Provider,
    stripe_side: StripeSide,
    run: Callable[[Awaitable[None]], None],
    capfd: pytest.CaptureFixture[str],
) -> None:
    async def scenario() -> None:
        stages = data.draw(st.sampled_from(["one", "two"]))
        async with till(name, databases, identity, provider, stripe_side, payment_stages=stages) as at:
            chaos = Chaos(at, data.draw(st.randoms(use_true_random=False)))
            await chaos.start()
            for deed in data.draw(st.lists(st.sampled_from(chaos.deeds()), min_size=LONGEST // 2, max_size=LONGEST)):
                try:
                    await deed()
                except httpx2.TransportError as error:
                    raise AssertionError(f"the service answered nothing: {error}") from error
            await at.rest()
            await chaos.audit()

    run(scenario())
    said = "".join(capfd.readouterr())
    for secret in (*SHOP.values(), *STRIPE.values(), "anna@example.test", "+79000000001"):
        assert secret not in said or secret == SHOP["FOYER_YOOKASSA_SHOP_ID"]
