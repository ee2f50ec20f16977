"""An invoice: prepared, issued, then paid or cancelled. Money that comes for a cancelled one leaves it cancelled."""

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from foyer_chassis.errors import ConflictError, InvalidError
from foyer_contracts.money import Money


class InvoiceStateError(ConflictError):
    """The invoice is in a state that does not allow this."""

    title_en = "The invoice's state does not allow this"
    title_ru = "Состояние счёта этого не позволяет"


class UnpaidInvoiceError(ConflictError):
    """An earlier invoice of the order is not paid yet: no new one before it is paid or cancelled."""

    title_en = "An earlier invoice is unpaid"
    title_ru = "Предыдущий счёт не оплачен"


class OrderClosedError(ConflictError):
    """The order is cancelled: nothing more is to be paid for it."""

    title_en = "The order is cancelled"
    title_ru = "Заказ отменён"


class NothingToPayError(InvalidError):
    """The invoice comes to nothing; an order that costs nothing needs none."""

    title_en = "There is nothing to pay"
    title_ru = "Оплачивать нечего"


class CurrencyError(InvalidError):
    """All money of an order is in one currency."""

    title_en = "Another currency is needed"
    title_ru = "Нужна другая валюта"


class FollowsOrderError(ConflictError):
    """This invoice was issued for the order's price and goes with it: cancel or change the order instead."""

    title_en = "The invoice follows its order"
    title_ru = "Счёт следует за заказом"


class Status(StrEnum):
    DRAFT = "draft"
    ISSUED = "issued"
    PAID = "paid"
    CANCELLED = "cancelled"


class Verb(StrEnum):
    """`activate` shows a prepared invoice to the customer; `revoke` takes back one that staff had marked as paid."""

    ACTIVATE = "activate"
    SETTLE = "settle"
    CANCEL = "cancel"
    REVOKE = "revoke"


TRANSITIONS: dict[tuple[Status, Verb], Status] = {
    (Status.DRAFT, Verb.ACTIVATE): Status.ISSUED,
    (Status.DRAFT, Verb.SETTLE): Status.PAID,
    (Status.DRAFT, Verb.CANCEL): Status.CANCELLED,
    (Status.ISSUED, Verb.SETTLE): Status.PAID,
    (Status.ISSUED, Verb.CANCEL): Status.CANCELLED,
    (Status.PAID, Verb.REVOKE): Status.CANCELLED,
}
UNPAID = frozenset({Status.DRAFT, Status.ISSUED})


class Origin(StrEnum):
    """Why there is an invoice: the order was priced, its price changed, staff made it, an order was charged to an
    account, or somebody wants to top up an account."""

    PRICED = "priced"
    CHANGED = "changed"
    STAFF = "staff"
    ACCOUNT = "account"
    TOP_UP = "top_up"


#: Invoices that follow the price of their order by themselves.
BY_ITSELF = frozenset({Origin.PRICED, Origin.CHANGED})
REPLACED = "replaced"


def move(status: Status, verb: Verb) -> Status:
    """Raises InvoiceStateError: there is no such arrow."""
    try:
        return TRANSITIONS[status, verb]
    except KeyError:
        raise InvoiceStateError(state=status.value, verb=verb.value) from None


@dataclass(frozen=True, slots=True)
class Invoice:
    """What is to be paid for an order, or into an account (then without an order).

    Attributes:
        paid: all that came in for this invoice, also after it was cancelled; refunds do not lower it.
        pay_until: no new payment page is made after it; None: no limit.
        lines: see `lines.Line`; those of a price have `title`, `quantity`, `unit_price`, `total`, `extra`.
        in_parts: may be paid in parts (A20).
        marked: `cash` or `transfer` where staff marked it as paid (B17).
    """

    id: UUID
    number: int
    order_id: UUID | None
    order_number: int | None
    applicant_id: UUID
    origin: Origin
    description: str
    lines: list[dict[str, Any]]
    extras_as_lines: bool
    legal_entity_id: UUID | None
    in_parts: bool
    total: Money
    paid: Money
    status: Status
    marked: str | None
    cancel_reason: str | None
    pay_until: datetime | None
    issued_at: datetime
    activated_at: datetime | None
    settled_at: datetime | None
    version: int

    @property
    def is_covered(self) -> bool:
        return self.total <= self.paid

    @property
    def remainder(self) -> Money:
        """What is still to be paid, never below zero."""
        return max(self.total - self.paid, Money.zero(self.total.currency))

    def receive(self, amount: Money, now: datetime) -> "Invoice":
        """Money came in for it; it is paid once the sum covers it, unless it had been cancelled."""
        invoice = replace(self, paid=self.paid + amount, version=self.version + 1)
        if invoice.status in UNPAID and invoice.is_covered:
            return replace(invoice, status=move(invoice.status, Verb.SETTLE), settled_at=now)
        return invoice

    def mark(self, method: str) -> "Invoice":
        """Staff take it as paid in full in this way; `receive` follows. Raises InvoiceStateError: it is not unpaid."""
        move(self.status, Verb.SETTLE)
        return replace(self, marked=method)

    def activate(self, now: datetime) -> "Invoice":
        """Raises InvoiceStateError: it is shown already, or over."""
        return replace(self, status=move(self.status, Verb.ACTIVATE), activated_at=now, version=self.version + 1)

    def cancel(self, reason: str, now: datetime) -> "Invoice":
        """Raises InvoiceStateError: it is paid (then only a refund helps) or cancelled already, or partly paid."""
        if self.status is Status.PAID and self.marked is not None:
            status = move(self.status, Verb.REVOKE)
        else:
            status = move(self.status, Verb.CANCEL)
        return replace(self, status=status, cancel_reason=reason, settled_at=now, version=self.version + 1)

    def takes_payment(self, now: datetime) -> bool:
        """Whether a page to pay it may be made now."""
        return self.status is Status.ISSUED and (self.pay_until is None or now < self.pay_until)
