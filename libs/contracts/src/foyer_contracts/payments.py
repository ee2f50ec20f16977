"""Events that the payments service publishes."""

from typing import ClassVar
from uuid import UUID

from pydantic import StrictInt

from .envelope import EventData, Instant
from .money import Money


class InvoiceIssued(EventData):
    """An order has an invoice to be paid, in full, by `pay_until` where that is set."""

    type: ClassVar[str] = "payments.invoice.issued.v1"

    invoice_id: UUID
    number: StrictInt
    order_id: UUID
    applicant_id: UUID
    total: Money
    pay_until: Instant | None = None


class InvoicePaid(EventData):
    """Everything on the invoice is paid."""

    type: ClassVar[str] = "payments.invoice.paid.v1"

    invoice_id: UUID
    number: StrictInt
    order_id: UUID
    applicant_id: UUID
    total: Money


class InvoiceCancelled(EventData):
    """The invoice need not be paid any more."""

    type: ClassVar[str] = "payments.invoice.cancelled.v1"

    invoice_id: UUID
    number: StrictInt
    order_id: UUID
    applicant_id: UUID
    reason: str


class PaymentLinkCreated(EventData):
    """The provider made a page where the invoice can be paid."""

    type: ClassVar[str] = "payments.payment.link_created.v1"

    payment_id: UUID
    invoice_id: UUID
    order_id: UUID
    applicant_id: UUID
    amount: Money
    url: str


class PaymentSucceeded(EventData):
    """Money came in, however late. `paid_total` is all that came in for the order so far, less what went back."""

    type: ClassVar[str] = "payments.payment.succeeded.v1"

    payment_id: UUID
    invoice_id: UUID
    order_id: UUID
    applicant_id: UUID
    amount: Money
    paid_total: Money
    invoice_paid: bool
    provider: str
    method: str
    paid_at: Instant


class PaymentFailed(EventData):
    """The provider refused to make or to finish the payment. `reason` is the provider's own word."""

    type: ClassVar[str] = "payments.payment.failed.v1"

    payment_id: UUID
    invoice_id: UUID
    order_id: UUID
    applicant_id: UUID
    reason: str


class PaymentCancelled(EventData):
    """The payment will not be taken: its invoice was cancelled, or its page expired."""

    type: ClassVar[str] = "payments.payment.cancelled.v1"

    payment_id: UUID
    invoice_id: UUID
    order_id: UUID
    applicant_id: UUID
    reason: str


class RefundStarted(EventData):
    """Money is on its way back to the payer."""

    type: ClassVar[str] = "payments.refund.started.v1"

    refund_id: UUID
    payment_id: UUID
    order_id: UUID
    applicant_id: UUID
    amount: Money


class RefundSucceeded(EventData):
    """The provider gave the money back. `refunded_total` is all that went back for the order so far,
    `pending_total` what is still on its way."""

    type: ClassVar[str] = "payments.refund.succeeded.v1"

    refund_id: UUID
    payment_id: UUID
    order_id: UUID
    applicant_id: UUID
    amount: Money
    refunded_total: Money
    pending_total: Money


class RefundFailed(EventData):
    """A refund did not go through after all attempts; finance must look at it."""

    type: ClassVar[str] = "payments.refund.failed.v1"

    refund_id: UUID
    payment_id: UUID
    order_id: UUID
    applicant_id: UUID
    amount: Money
    reason: str
    attempts: StrictInt
