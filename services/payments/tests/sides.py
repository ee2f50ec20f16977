"""Payment providers as one: what payers do at each, what each took and gave back, and how a worker is killed beside it."""

import asyncio
import hashlib
import hmac
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import Any
from unittest.mock import patch

import httpx2
from foyer_chassis.testing import Databases, Identity
from payments.clock import Clock

from .conftest import STRIPE, Provider, Shop, StripeSide, opened

NAMES = ["yookassa", "stripe"]
LOOPS = ("create", "check", "refund", "recheck", "settle", "close_receipt", "offset_receipt", "dispute", "detach")


@dataclass(frozen=True)
class Charge:
    """What a provider took for one of our payments and gave back, in minor units."""

    payment_id: str
    their_id: str
    paid: int
    refunded: int
    disputed: int = 0


@dataclass
class Till:
    """The service with one of the providers, and that provider as payers and auditors see it."""

    shop: Shop
    name: str
    client: httpx2.AsyncClient

    async def act(self, verb: str, their_id: str) -> None:
        """The payer pays, is declined, or lets the time run out, if the page still allows it."""
        if self.name == "yookassa":
            await self.client.post(f"/sandbox/payments/{their_id}/{verb}", json={})
        elif verb == "decline":
            await self.client.post(f"/sandbox/sessions/{their_id}/pay", json={"card": "4000000000000002"})
        else:
            await self.client.post(f"/sandbox/sessions/{their_id}/{verb}", json={})

    async def dispute(self, charge: Charge, amount: int, *, inquiry: bool) -> str | None:
        """The payer disputes a part of a charge with their bank; its number, if there is such a thing here."""
        if self.name == "yookassa":
            return None
        body = {"amount": amount, "inquiry": inquiry}
        answer = await self.client.post(f"/sandbox/intents/{charge.their_id}/dispute", json=body)
        return str(answer.json()["id"]) if answer.is_success else None

    async def decide(self, dispute: str, verdict: str) -> None:
        """What the bank makes of a dispute, if that can follow."""
        await self.client.post(f"/sandbox/disputes/{dispute}/{verdict}")

    async def bounce(self, their_refund_id: str) -> bool:
        """The payer's bank sends the money of a refund back days after; whether there is such a thing here."""
        if self.name == "yookassa":
            return False
        return (await self.client.post(f"/sandbox/refunds/{their_refund_id}/bounce")).is_success

    async def charges(self) -> list[Charge]:
        """Everything that was ever begun there by this service and was paid."""
        if self.name == "yookassa":
            found = (await self.client.get("/sandbox/payments")).raise_for_status().json()["payments"]
            items = [(item["payment"], item["sums"], 0) for item in found]
        else:
            found = (await self.client.get("/sandbox/sessions")).raise_for_status().json()["intents"]
            items = [(item["intent"], item["sums"], item["disputed"]) for item in found]
        mine = {str(row["id"]) for row in await self.shop.rows("SELECT id FROM payments")}
        return [
            Charge(shown["metadata"]["payment_id"], shown["id"], sums["paid"], sums["refunded"], disputed)
            for shown, sums, disputed in items
            if shown["metadata"].get("payment_id") in mine and sums["paid"]
        ]

    async def trouble(self, *, lost: int = 0, failing: int = 0, refunds_refused: bool = False) -> None:
        """Answers get lost after the work was done, requests fail before it, refunds come to nothing."""
        refused = {"yookassa": "canceled", "stripe": "failed"}[self.name] if refunds_refused else "off"
        fail = [{"status": 500, "count": failing}] if failing else []
        switches = {"lose_answer_next": lost, "fail_next": fail, "refund_failure": refused}
        (await self.client.patch("/sandbox/switches", json=switches)).raise_for_status()

    async def calm(self) -> None:
        (await self.client.delete("/sandbox/switches")).raise_for_status()

    async def webhook(self, their_id: str, *, refund: bool = False, dispute: bool = False, forged: bool = False) -> int:
        """A notification reaches the service, whether or not anything happened; the status of its answer."""
        if self.name == "yookassa":
            event = "refund.succeeded" if refund else "payment.succeeded"
            body = json.dumps({"event": event, "object": {"id": their_id}})
            # Who calls from elsewhere is named by a proxy that is not trusted here, so it is the body that lies.
            headers = {"Content-Type": "application/json"}
        else:
            kind = (
                "dispute"
                if dispute
                else "refund"
                if refund
                else "payment_intent"
                if their_id.startswith("pi_")
                else "checkout.session"
            )
            body = json.dumps({"type": f"{kind}.updated", "data": {"object": {"id": their_id, "object": kind}}})
            stamp = int(self.shop.it.database.now().timestamp())
            secret = "whsec_forged" if forged else STRIPE["FOYER_STRIPE_WEBHOOK_SECRET"]
            digest = hmac.new(secret.encode(), f"{stamp}.{body}".encode(), hashlib.sha256).hexdigest()
            headers = {"Content-Type": "application/json", "Stripe-Signature": f"t={stamp},v1={digest}"}
        answer = await self.shop.it.client().post(f"/v1/webhooks/{self.name}", content=body, headers=headers)
        return answer.status_code

    @property
    def clock(self) -> Clock:
        """The loops of the worker, behind what tests turn."""
        clock = self.shop.it.loops["create"].step.__self__.work.__self__  # type: ignore[attr-defined]
        assert isinstance(clock, Clock)
        return clock

    @contextmanager
    def killed(self, where: str) -> Iterator[None]:
        """What a kill of the worker leaves: it has claimed and not asked yet (`claimed`), or it has asked, the provider
        has done it, and nothing of that is recorded (`asked`)."""
        clock = self.clock

        async def die(*_: Any, **__: Any) -> None:
            raise asyncio.CancelledError

        if where == "claimed":
            names = (
                *("create_payment", "get_payment", "create_refund", "get_refund", "find_refund"),
                *("close_receipt", "offset_receipt", "get_dispute", "detach_card"),
            )
            dying = dict.fromkeys(names, die)
            stand_in = type("Killed", (), {name: staticmethod(die) for name in dying})()
            with (
                patch.object(clock, "_providers", {self.name: stand_in}),
                patch.object(clock, "_closers", {self.name: stand_in}),
                patch.object(clock, "_arbiters", {self.name: stand_in}),
                patch.object(clock, "_keepers", {self.name: stand_in}),
            ):
                yield
        else:
            with patch.object(clock, "_record", die):
                yield

    async def rest(self, *, rounds: int = 12) -> None:
        """Everything works again, and time passes until nothing is left to do."""
        await self.calm()
        # The last pause is longer than that between looks at refunds that are done.
        for minutes in [*[20] * rounds, 25 * 60]:
            await self.shop.later(minutes=minutes)
            for loop in ("find_disputes", *LOOPS):
                await self.shop.it.turn(loop)


@asynccontextmanager
async def till(
    name: str,
    databases: Databases,
    identity: Identity,
    provider: Provider,
    stripe_side: StripeSide,
    **settings: Any,
) -> AsyncIterator[Till]:
    """A fresh service whose payments are made at that provider."""
    configured = {
        "payment_provider": name,
        "stripe_url": stripe_side.process.url,
        "stripe_secret_key": STRIPE["FOYER_STRIPE_SECRET_KEY"],
        "stripe_webhook_secret": STRIPE["FOYER_STRIPE_WEBHOOK_SECRET"],
        **settings,
    }
    async with opened(databases, identity, provider, **configured) as shop:
        made = Till(shop, name, provider.client if name == "yookassa" else stripe_side.client)
        await made.calm()
        yield made
        await made.calm()
