"""The invoice of an order: issued, then paid or cancelled. Money that comes for a cancelled one leaves it cancelled."""

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from foyer_chassis.errors import ConflictError
from foyer_contracts.money import Money


class InvoiceStateError(ConflictError):
    """The invoice is in a state that does not allow this."""

    title_en = "The invoice's state does not allow this"
    title_ru = "Состояние счёта этого не позволяет"


class Status(StrEnum):
    ISSUED = "issued"
    PAID = "paid"
    CANCELLED = "cancelled"


class Verb(StrEnum):
    SETTLE = "settle"
    CANCEL = "cancel"


TRANSITIONS: dict[tuple[Status, Verb], Status] = {
    (Status.ISSUED, Verb.SETTLE): Status.PAID,
    (Status.ISSUED, Verb.CANCEL): Status.CANCELLED,
}


def move(status: Status, verb: Verb) -> Status:
    """Raises InvoiceStateError: there is no such arrow."""
    try:
        return TRANSITIONS[status, verb]
    except KeyError:
        raise InvoiceStateError(state=status.value, verb=verb.value) from None


@dataclass(frozen=True, slots=True)
class Invoice:
    """What is to be paid for an order.

    Attributes:
        paid: all that came in for this invoice, also after it was cancelled; refunds do not lower it.
        pay_until: no new payment page is made after it; None: no limit.
        lines: as the order was priced (`title`, `quantity`, `unit_price`, `total`).
    """

    id: UUID
    number: int
    order_id: UUID
    order_number: int
    applicant_id: UUID
    description: str
    lines: list[dict[str, Any]]
    total: Money
    paid: Money
    status: Status
    cancel_reason: str | None
    pay_until: datetime | None
    issued_at: datetime
    settled_at: datetime | None
    version: int

    @property
    def is_covered(self) -> bool:
        return self.total <= self.paid

    def receive(self, amount: Money, now: datetime) -> "Invoice":
        """Money came in for it; it is paid once the sum covers it, unless it had been cancelled."""
        invoice = replace(self, paid=self.paid + amount, version=self.version + 1)
        if invoice.status is Status.ISSUED and invoice.is_covered:
            return replace(invoice, status=move(invoice.status, Verb.SETTLE), settled_at=now)
        return invoice

    def cancel(self, reason: str, now: datetime) -> "Invoice":
        """Raises InvoiceStateError: it is paid or cancelled already."""
        return replace(
            self, status=move(self.status, Verb.CANCEL), cancel_reason=reason, settled_at=now, version=self.version + 1
        )

    def takes_payment(self, now: datetime) -> bool:
        """Whether a page to pay it may be made now."""
        return self.status is Status.ISSUED and (self.pay_until is None or now < self.pay_until)
