"""What the API shows of invoices, payments and refunds."""

from collections.abc import Sequence
from datetime import datetime
from typing import Literal, Self
from uuid import UUID

from foyer_chassis.auth import Caller
from foyer_chassis.db import Transaction
from foyer_contracts.money import Money
from pydantic import BaseModel

from ..invoicing.domain import Invoice, Origin
from ..invoicing.domain import Status as InvoiceStatus
from ..invoicing.domain.lines import folded
from ..paying import store as payments
from ..paying.domain import Payment
from ..paying.domain import Status as PaymentStatus
from ..refunding import store as refunds
from ..refunding.domain import Help, Refund
from ..refunding.domain import Status as RefundStatus


class LineOut(BaseModel):
    """A line of an invoice. `vat_rate`: whole percents, null without VAT; `total` has all VAT in it."""

    title: str
    unit: str | None = None
    quantity: int
    unit_price: Money
    discount_percent: str = "0"
    discount: Money | None = None
    vat_rate: int | None = None
    vat: Money | None = None
    total: Money
    extra: bool = False


class PaymentOut(BaseModel):
    """A payment at the provider, at the desk (`provider` = desk) or from the customer's account (balance).

    `amount` counts for the invoice; the payer is asked for `surcharge` on top. `part`: its number among the order's
    payments, where it is paid in parts.
    `status`: creating, pending, succeeded, cancelled, failed. `watched`: cancelled by us, but its money may still
    come. `link`: where to pay, while that is possible. `reason`: why it was cancelled or failed.
    """

    id: UUID
    invoice_id: UUID
    order_id: UUID | None
    provider: str
    number: str | None
    part: int | None
    status: str
    watched: bool
    amount: Money
    surcharge: Money
    received: Money | None
    link: str | None
    method: str | None
    reason: str | None
    created_at: datetime
    paid_at: datetime | None

    @classmethod
    def of(cls, payment: Payment) -> Self:
        watched = payment.status is PaymentStatus.WATCHED
        return cls(
            id=payment.id,
            invoice_id=payment.invoice_id,
            order_id=payment.order_id,
            provider=payment.provider,
            number=payment.provider_payment_id,
            part=payment.part,
            status=PaymentStatus.CANCELLED if watched else payment.status,
            watched=watched,
            amount=payment.amount,
            surcharge=payment.surcharge,
            received=payment.received,
            link=payment.link,
            method=payment.method,
            reason=payment.reason,
            created_at=payment.created_at,
            paid_at=payment.paid_at,
        )


class NextStep(BaseModel):
    """`verb`: the last part of the route that does it, `POST /v1/refunds/{id}/<verb>`."""

    verb: Help
    text: str


#: What to do about a failed refund, by language.
_RETRY = {
    "ru": "Платёжная система отказала: {failure}. Проверьте баланс магазина и доступ к ней, затем повторите возврат.",
    "en": "The payment provider refused: {failure}. Check the shop's balance and access there, then retry.",
}
_RETRY_UNCLEAR = {
    "ru": "Чем закончилась последняя попытка ({failure}), неизвестно: деньги могли уйти. Повторите возврат: "
    "повтор не вернёт их дважды и покажет, что случилось.",
    "en": "What the last attempt came to ({failure}) is not known: the money may have gone. Retry: it is never given "
    "back twice, and the answer tells what happened.",
}
_RETRY_BOUNCED = {
    "ru": "Возврат прошёл, но банк плательщика вернул деньги: {failure}. Они снова у платёжной системы. Повтор "
    "поможет, только если карта опять принимает деньги.",
    "en": "The refund went through, but the payer's bank sent the money back: {failure}. The payment provider has it "
    "again. Retrying helps only if the card takes money again.",
}
_OTHERWISE = {
    "ru": "Если карта закрыта или повтор не помогает, верните деньги наличными или переводом.",
    "en": "If the card is closed or retrying does not help, give the money back in cash or by transfer.",
}


def next_steps(refund: Refund, caller: Caller) -> list[NextStep]:
    """What a person can do about a refund that has failed; nothing for any other."""
    language = "ru" if caller.locale == "ru" else "en"
    retry = _RETRY_BOUNCED if refund.bounces else _RETRY if refund.is_refused else _RETRY_UNCLEAR
    texts = {"retry": retry[language].format(failure=refund.failure), "settle-otherwise": _OTHERWISE[language]}
    return [NextStep(verb=verb, text=texts[verb]) for verb in refund.helps]


class RefundOut(BaseModel):
    """Money on its way back.

    `status`: requested, in_progress, succeeded, failed; at_desk until staff have handed it out. `amount` is of what was
    paid for the order, `surcharge` goes back with it. For staff only: `failure`, the last thing that went wrong, and
    `note`, why they gave it back. `next_steps` of a failed one, for those who may refund: the verbs that help now, each
    with a word of explanation. `bounced`: its money had gone back, and the payer's bank returned it.
    """

    id: UUID
    payment_id: UUID
    order_id: UUID
    order_number: int
    status: RefundStatus
    provider: str
    amount: Money
    surcharge: Money
    reason: str
    note: str | None
    attempts: int
    failure: str | None
    bounced: bool = False
    next_steps: list[NextStep] = []
    requested_at: datetime
    started_at: datetime | None
    finished_at: datetime | None

    @classmethod
    def of(cls, refund: Refund, caller: Caller) -> Self:
        return cls(
            id=refund.id,
            payment_id=refund.payment_id,
            order_id=refund.order_id,
            order_number=refund.order_number,
            status=refund.status,
            provider=refund.provider,
            amount=refund.amount,
            surcharge=refund.surcharge,
            reason=refund.reason,
            note=refund.note if caller.may("payments:read") else None,
            attempts=refund.attempts,
            failure=refund.failure if caller.may("payments:read") else None,
            bounced=refund.bounces > 0 and refund.status is not RefundStatus.SUCCEEDED,
            next_steps=next_steps(refund, caller) if caller.may("payments:refund") else [],
            requested_at=refund.requested_at,
            started_at=refund.started_at,
            finished_at=refund.finished_at,
        )


State = Literal["draft", "awaiting_payment", "partly_paid", "paid", "partly_refunded", "refunded", "cancelled"]


def state_of(invoice: Invoice, refunded: Money) -> State:
    """What people see of an invoice (B19)."""
    if invoice.status is InvoiceStatus.CANCELLED:
        return "cancelled"
    if refunded.amount:
        return "refunded" if invoice.paid <= refunded else "partly_refunded"
    if invoice.status is InvoiceStatus.ISSUED:
        return "partly_paid" if invoice.paid.amount else "awaiting_payment"
    return "draft" if invoice.status is InvoiceStatus.DRAFT else "paid"


class InvoiceOut(BaseModel):
    """An invoice with its payments and their refunds.

    `status`: draft (staff have not shown it yet), issued, paid, cancelled. `state` is what people see of that (B19).
    `paid`: what came in for it; `remainder`: what is still to be paid. `link`: where to pay it, once there is one.
    `marked`: cash or transfer, where staff marked it as paid. `refunded`: what of it is back with the payer.
    """

    id: UUID
    number: int
    order_id: UUID | None
    order_number: int | None
    origin: Origin
    status: InvoiceStatus
    state: State
    description: str
    lines: list[LineOut]
    total: Money
    paid: Money
    remainder: Money
    refunded: Money
    in_parts: bool
    marked: str | None
    legal_entity_id: UUID | None
    link: str | None
    pay_until: datetime | None
    issued_at: datetime
    settled_at: datetime | None
    cancel_reason: str | None
    payments: list[PaymentOut]
    refunds: list[RefundOut]


async def whole(
    transaction: Transaction, found: Sequence[Invoice], caller: Caller
) -> tuple[list[InvoiceOut], list[int]]:
    """Invoices with their payments and refunds, and a number for each that grows with every change of any of them."""
    if not found:
        return [], []
    paid = await payments.of_invoices(transaction, [invoice.id for invoice in found])
    back = await refunds.of_orders(transaction, [invoice.order_id for invoice in found if invoice.order_id])
    shown, versions = [], []
    for invoice in found:
        own_payments = [payment for payment in paid if payment.invoice_id == invoice.id]
        ids = {payment.id for payment in own_payments}
        own_refunds = [refund for refund in back if refund.payment_id in ids]
        refunded = sum(
            (item.amount for item in own_refunds if item.status is RefundStatus.SUCCEEDED),
            start=Money.zero(invoice.total.currency),
        )
        shown.append(
            InvoiceOut(
                id=invoice.id,
                number=invoice.number,
                order_id=invoice.order_id,
                order_number=invoice.order_number,
                origin=invoice.origin,
                status=invoice.status,
                state=state_of(invoice, refunded),
                description=invoice.description,
                lines=[
                    LineOut.model_validate(line)
                    for line in folded(invoice.lines, extras_as_lines=invoice.extras_as_lines)
                ],
                total=invoice.total,
                paid=invoice.paid,
                remainder=invoice.remainder,
                refunded=refunded,
                in_parts=invoice.in_parts,
                marked=invoice.marked,
                legal_entity_id=invoice.legal_entity_id,
                link=next((payment.link for payment in own_payments if payment.link), None),
                pay_until=invoice.pay_until,
                issued_at=invoice.issued_at,
                settled_at=invoice.settled_at,
                cancel_reason=invoice.cancel_reason,
                payments=[PaymentOut.of(payment) for payment in own_payments],
                refunds=[RefundOut.of(refund, caller) for refund in own_refunds],
            )
        )
        versions.append(
            invoice.version + sum(item.version for item in own_payments) + sum(item.version for item in own_refunds)
        )
    return shown, versions
