"""A customer asks for money back; staff reject it or give it back."""

from uuid import UUID

from foyer_chassis.db import Transaction
from foyer_contracts import payments as events
from foyer_contracts.ids import new_id
from foyer_contracts.money import Money

from ..accounting import store as accounting
from ..order_copies import store as copies
from ..order_copies.domain import OrderCopy
from ..refunding import use_cases as refunding
from ..refunding.domain import OverRefundError, Refund
from . import store
from .domain import AskedAlreadyError, RefundsNotOfferedError, Request, Status


async def ask(transaction: Transaction, order: OrderCopy, *, amount: Money | None, reason: str) -> Request:
    """A customer asks for an amount back, or for all that is left (B22), in any status of the order.

    Raises:
        RefundsNotOfferedError: the offering does not allow it.
        AskedAlreadyError: one is open, or one was rejected.
        OverRefundError: more than what is left.
    """
    offering = None if order.offering_id is None else await copies.offering(transaction, order.offering_id)
    if offering is None or not offering.refunds_allowed:
        raise RefundsNotOfferedError
    account = await accounting.locked_account(transaction, order.order_id)
    if account is None:
        raise OverRefundError(refundable=None)
    wanted = amount or account.refundable
    if wanted.currency != account.paid.currency or not 0 < wanted.amount <= account.refundable.amount:
        raise OverRefundError(refundable=account.refundable.model_dump())
    request = Request(
        id=new_id(),
        order_id=order.order_id,
        order_number=order.number,
        applicant_id=order.applicant_id,
        amount=wanted,
        reason=reason,
        status=Status.REQUESTED,
        answer=None,
        requested_at=transaction.now,
        answered_at=None,
        answered_by=None,
        version=1,
    )
    if not await store.add(transaction, request):
        raise AskedAlreadyError
    transaction.publish(
        events.RefundRequested(
            request_id=request.id, order_id=order.order_id, applicant_id=order.applicant_id, amount=wanted
        ),
        subject=request.id,
        sequence=request.version,
    )
    return request


async def reject(transaction: Transaction, order: OrderCopy, request_id: UUID, *, answer: str, by: UUID) -> Request:
    """Staff refuse, for a reason that the customer is told; after that one cannot ask again (B23).

    Raises RequestStateError: it was answered.
    """
    await accounting.locked_account(transaction, order.order_id)
    request = await store.locked(transaction, request_id)
    request = request.answered(Status.REJECTED, by=by, now=transaction.now, answer=answer)
    await store.save(transaction, request)
    transaction.publish(
        events.RefundRejected(
            request_id=request.id,
            order_id=order.order_id,
            applicant_id=request.applicant_id,
            amount=request.amount,
            reason=answer,
        ),
        subject=request.id,
        sequence=request.version,
    )
    return request


async def process(
    transaction: Transaction, order: OrderCopy, request_id: UUID, wish: refunding.Wish, *, by: UUID
) -> tuple[Request, list[Refund]]:
    """Staff give money back as asked, or otherwise (B23). Raises RequestStateError and what `give_back` raises."""
    await accounting.locked_account(transaction, order.order_id)
    request = await store.locked(transaction, request_id)
    request = request.answered(Status.PROCESSED, by=by, now=transaction.now)
    refunds = await refunding.give_back(transaction, order, wish, by=by, requested=request.id)
    await store.save(transaction, request)
    return request, refunds
