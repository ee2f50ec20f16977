"""Events that the payments service publishes."""

from typing import ClassVar
from uuid import UUID

from pydantic import Field, StrictInt

from .envelope import EventData, Instant
from .money import Money


class InvoiceIssued(EventData):
    """An order has an invoice to be paid, in full, by `pay_until` where that is set.

    `activated` is False while staff have not shown it to the customer yet (B17).
    """

    type: ClassVar[str] = "payments.invoice.issued.v1"

    invoice_id: UUID
    number: StrictInt
    order_id: UUID
    applicant_id: UUID
    total: Money
    pay_until: Instant | None = None
    activated: bool = True


class InvoiceActivated(EventData):
    """Staff showed an invoice to the customer, who can pay it from now on (B17)."""

    type: ClassVar[str] = "payments.invoice.activated.v1"

    invoice_id: UUID
    number: StrictInt
    order_id: UUID
    applicant_id: UUID
    total: Money


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
    number: StrictInt | None = None


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
    """A refund did not go through after all attempts, or went through and came back (`after_success`: the payer's bank
    returned the money, and it is owed again). Finance must look at it: `next_steps` are the verbs of the refund that
    help, best first."""

    type: ClassVar[str] = "payments.refund.failed.v1"

    refund_id: UUID
    payment_id: UUID
    order_id: UUID
    applicant_id: UUID
    amount: Money
    reason: str
    attempts: StrictInt
    after_success: bool = False
    next_steps: list[str] = Field(default_factory=list)


class RefundRequested(EventData):
    """The customer asked for money back (B22). The reason is read from payments, by staff who may."""

    type: ClassVar[str] = "payments.refund.requested.v1"

    request_id: UUID
    order_id: UUID
    applicant_id: UUID
    amount: Money


class RefundRejected(EventData):
    """Staff refused a customer's request for money back, for a reason that the customer is told (B23)."""

    type: ClassVar[str] = "payments.refund.rejected.v1"

    request_id: UUID
    order_id: UUID
    applicant_id: UUID
    amount: Money
    reason: str


class AccountDebited(EventData):
    """An order was charged to its customer's account (C4). `balance` is what is on it afterwards, below zero where the
    credit limit allows."""

    type: ClassVar[str] = "payments.account.debited.v1"

    customer_id: UUID
    order_id: UUID
    amount: Money
    balance: Money
    credit_limit: Money


class AccountInsufficient(EventData):
    """An order was not charged: balance + credit limit would have fallen below zero (C3, C4)."""

    type: ClassVar[str] = "payments.account.insufficient.v1"

    customer_id: UUID
    order_id: UUID
    amount: Money
    balance: Money
    credit_limit: Money


class AccountToppedUp(EventData):
    """Money was paid into a customer's account (C6, C7).

    Attributes:
        order_id: the order whose invoice it was; None for an invoice that is tied to no order.
        online: paid through a provider, rather than taken by staff.
    """

    type: ClassVar[str] = "payments.account.topped_up.v1"

    top_up_id: UUID
    customer_id: UUID
    invoice_id: UUID | None = None
    order_id: UUID | None = None
    amount: Money
    balance: Money
    online: bool


class SettlementPosted(EventData):
    """What an order brought and cost so far (B6): `net` = `gross` − `acquiring` − `commission` − `chargebacks`; sums
    so far, not changes.

    Attributes:
        chargebacks: what payers had back by their banks for good, and what providers charged for such disputes; None:
            a publisher that counts none.
    """

    type: ClassVar[str] = "payments.settlement.posted.v1"

    order_id: UUID
    gross: Money
    acquiring: Money
    commission: Money
    net: Money
    chargebacks: Money | None = None
