"""What payments knows of orders, offerings and customers: copies kept from their events, never asked for."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from foyer_contracts.money import Money

#: The group of statuses in which staff work on an order (B21).
IN_WORK = "in_work"
#: The group of statuses of what is delivered.
DONE = "done"
MEMBERSHIP = "membership"


@dataclass(frozen=True, slots=True)
class OrderCopy:
    """An order as its events told it; what no event has told yet is None.

    Attributes:
        terms: how it is paid: prepaid, postpaid, part_payment, account, free.
        lines: what it consists of (`title`, `quantity`, `unit_price`, `total`, `extra`), with `total` the newest known.
        pay_until: until when it can be paid; None: no limit.
        extras_as_lines: extras are lines of their own on invoices and acts (A18).
        status_group: group of its status; rules look at nothing else of it.
        content_sequence: version of the order that `lines` and `total` are of.
    """

    order_id: UUID
    number: int
    applicant_id: UUID
    kind: str | None
    offering_id: UUID | None
    offering_title: str | None
    legal_entity_id: UUID | None
    location_id: UUID | None
    assignee_id: UUID | None
    terms: str | None
    payer_kind: str | None
    status: str | None
    status_group: str | None
    description: str | None
    lines: list[dict[str, Any]]
    total: Money | None
    pay_until: datetime | None
    extras_as_lines: bool
    content_sequence: int

    @property
    def is_priced(self) -> bool:
        """Whether its price has come; a description comes with that only."""
        return self.description is not None


@dataclass(frozen=True, slots=True)
class OfferingCopy:
    offering_id: UUID
    title: str
    kind: str
    terms: str
    refunds_allowed: bool
    legal_entity_id: UUID | None


@dataclass(frozen=True, slots=True)
class CustomerCopy:
    customer_id: UUID
    display_name: str
    discount_group_id: UUID | None
    erased: bool


@dataclass(frozen=True, slots=True)
class Viewer:
    """Whose and which orders somebody sees: a customer their own, staff those of their kinds and locations.

    Attributes:
        applicant_id: the customer; None for staff.
        kinds: kinds of order that staff see; locations: ids, empty for all; an order whose kind is not known yet is
            seen by all staff.
        assignee_id: of staff who see only what is assigned to them (B1).
    """

    applicant_id: UUID | None
    kinds: tuple[str, ...] = ()
    locations: tuple[UUID, ...] = ()
    assignee_id: UUID | None = None

    def sees(self, order: OrderCopy) -> bool:
        if self.applicant_id is not None:
            return order.applicant_id == self.applicant_id
        return (
            (order.kind is None or order.kind in self.kinds)
            and (not self.locations or order.location_id is None or order.location_id in self.locations)
            and (self.assignee_id is None or order.assignee_id == self.assignee_id)
        )

    def parameters(self) -> dict[str, Any]:
        """For statements with `store.SeenBy`."""
        if self.applicant_id is not None:
            return {"applicant": self.applicant_id}
        return {
            "kinds": list(self.kinds),
            "locations": list(self.locations) or None,
            "assignee": self.assignee_id,
        }
