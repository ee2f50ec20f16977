"""Receipts that are made apart from payments and refunds (54-FZ, X6): seen by finance, and tried again."""

from typing import Any, Literal, Self
from uuid import UUID

import sqlalchemy as sa
from fastapi import APIRouter, Response
from foyer_chassis.auth import Caller, CurrentCaller, requires
from foyer_chassis.db import Transaction
from foyer_chassis.errors import NotFoundError
from foyer_chassis.http import Reading
from foyer_chassis.idempotency import Answer, OncePerKey
from foyer_contracts.money import Money
from pydantic import BaseModel, Field

from ..closing import store, use_cases
from .access import After, Limit, viewer

router = APIRouter(prefix="/v1/receipts", tags=["receipts"], dependencies=[requires("payments:settlements")])

State = Literal["due", "sent", "failed", "void", "offset"]


class ReceiptOut(BaseModel):
    """A receipt of an order that is done. `kind`: it closes a prepayment, offsets a customer's advance by what the
    order took of it, or gives that back (`return`). `state`: to be made, made (`number` is the provider's), failed
    after all attempts (or at once, where the top-up has `too_many_receipts`), not needed, or in the form of offsets. A
    failed one that the provider may have taken up after all (`failure` is no refusal) is looked for in the shop's
    receipts before it is tried again after a day.
    """

    id: UUID
    kind: Literal["closing", "offset", "return"]
    state: State
    order_id: UUID
    payment_id: UUID
    amount: Money | None = Field(description="of offsets")
    attempts: int
    failure: str | None
    number: str | None

    @classmethod
    def of(cls, row: sa.RowMapping) -> Self:
        shown: dict[str, Any] = {name: row[name] for name in ("id", "kind", "order_id", "payment_id", "attempts")}
        amount = None if row["amount"] is None else Money(amount=row["amount"], currency=row["currency"])
        return cls(
            **shown, state=row["status"], amount=amount, failure=row["failure"], number=row["provider_receipt_id"]
        )


class ReceiptPage(BaseModel):
    items: list[ReceiptOut]
    next: UUID | None


async def _seen(transaction: Transaction, receipt_id: UUID, caller: Caller) -> ReceiptOut:
    """Raises NotFoundError: there is none that the caller sees."""
    row = await store.by_id(transaction, viewer(caller), receipt_id)
    if row is None:
        raise NotFoundError
    return ReceiptOut.of(row)


@router.get("")
async def list_receipts(
    reading: Reading, caller: CurrentCaller, state: State | None = None, limit: Limit = 50, after: After = None
) -> ReceiptPage:
    """Those of orders that the caller sees, by id; `state=failed` are those that need a person."""
    found = await store.page(reading, viewer(caller), state=state, after=after, limit=limit)
    return ReceiptPage(
        items=[ReceiptOut.of(row) for row in found], next=found[-1]["id"] if len(found) == limit else None
    )


@router.post("/{receipt_id}/retry", status_code=202, response_model=ReceiptOut)
async def retry_receipt(receipt_id: UUID, once: OncePerKey, caller: CurrentCaller) -> Response:
    """Try a failed receipt again, under the same key of the provider's; 409 in any other state."""

    async def command(transaction: Transaction) -> Answer:
        await _seen(transaction, receipt_id, caller)
        await use_cases.retry(transaction, receipt_id)
        return Answer(await _seen(transaction, receipt_id, caller), 202)

    return await once.run(command)
