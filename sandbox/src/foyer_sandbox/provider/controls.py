"""`/sandbox/…`: what scripts and auditors use beside the API."""

import time
from typing import Annotated, Any

from fastapi import APIRouter, Body, HTTPException, Query

from foyer_sandbox.provider import domain
from foyer_sandbox.provider.bank import Bank, Result
from foyer_sandbox.provider.webhooks import Courier

MAX_LISTED = 1_000_000


def control_routes(bank: Bank, courier: Courier) -> APIRouter:
    """All routes under `/sandbox` but the switches and the page."""
    router = APIRouter(prefix="/sandbox", tags=["sandbox"])

    def done(result: Result) -> dict[str, Any]:
        courier.wake()
        return result.shown

    @router.get("/payments")
    async def all_payments(limit: Annotated[int, Query(ge=1, le=MAX_LISTED)] = MAX_LISTED) -> dict[str, Any]:
        """Every payment, newest first, with its refunds, notifications and sums in minor units.

        `paid` was taken from the payer, `refunded` went back, `refunding` is in pending refunds,
        `kept` = paid - refunded.
        """
        items = [audited(bank, payment) for payment in bank.store.payments(None, 0, None, limit)]
        names = ("paid", "refunded", "refunding", "kept")
        return {
            "payments": items,
            "count": len(items),
            "totals": {name: sum(item["sums"][name] for item in items) for name in names},
        }

    @router.get("/payments/{payment_id}")
    async def one_payment(payment_id: str) -> dict[str, Any]:
        """One payment as in the list."""
        payment = bank.store.payment(payment_id)
        if payment is None:
            raise HTTPException(404, "no such payment")
        return audited(bank, payment)

    @router.post("/payments/{payment_id}/pay")
    async def pay(payment_id: str, card: Annotated[str, Body(embed=True)] = domain.GOOD_CARD) -> dict[str, Any]:
        """Pay as a person would on the page; optionally with another test card."""
        return done(bank.pay(payment_id, card))

    @router.post("/payments/{payment_id}/decline")
    async def decline(payment_id: str, reason: Annotated[str, Body(embed=True)] = "general_decline") -> dict[str, Any]:
        """Decline as the payer's bank would."""
        return done(bank.decline(payment_id, reason))

    @router.post("/payments/{payment_id}/expire")
    async def expire(payment_id: str) -> dict[str, Any]:
        """Let the time to confirm, or to capture, run out now."""
        return done(bank.expire(payment_id))

    @router.get("/webhooks")
    async def webhooks(
        object_id: str | None = None, limit: Annotated[int, Query(ge=1, le=100_000)] = 1_000
    ) -> list[dict[str, Any]]:
        """Notifications, newest first; `state`: pending, delivered, dropped, given_up. Instants are Unix seconds."""
        return bank.store.notifications(object_id, limit)

    @router.post("/webhooks/redeliver/{some_id}")
    async def redeliver(some_id: str) -> dict[str, Any]:
        """Post again, whatever became of it: a notification by number, or all of a payment or refund by id."""
        ids = [item["id"] for item in bank.store.notifications(some_id, 1_000)]
        if not ids and some_id.isdecimal() and bank.store.notification(int(some_id)):
            ids = [int(some_id)]
        if not ids:
            raise HTTPException(404, "no such notification")
        for notification_id in ids:
            bank.store.post_again(notification_id, time.time())
        courier.wake()
        return {"redelivering": ids}

    return router


def audited(bank: Bank, payment: domain.Payment) -> dict[str, Any]:
    """A payment with what an auditor wants beside it."""
    paid = payment.amount if payment.status == "succeeded" else 0
    return {
        "payment": bank.shown(payment.id),
        "receipt": payment.receipt,
        "receipts": bank.store.receipts(payment.id),
        "refunds": [
            domain.refund_object(refund) | ({"receipt": refund.receipt} if refund.receipt else {})
            for refund in bank.store.refunds(payment.id, 10_000)
        ],
        "notifications": bank.store.notifications(payment.id, 1_000),
        "sums": {
            "amount": payment.amount,
            "paid": paid,
            "refunded": payment.refunded,
            "refunding": payment.refunding,
            "kept": paid - payment.refunded,
        },
    }
