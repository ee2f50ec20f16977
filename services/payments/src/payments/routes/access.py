"""Who sees what, and who may do it."""

from typing import Annotated
from uuid import UUID

from fastapi import Query
from foyer_chassis.auth import Caller, requires
from foyer_chassis.db import Transaction
from foyer_chassis.errors import ForbiddenError, NotFoundError

from ..invoicing import store as invoices
from ..invoicing.domain import Invoice
from ..order_copies import store as copies
from ..order_copies.domain import OrderCopy, Viewer

READERS = requires("payments:read", "payments:read_own")

#: Text that people write: PostgreSQL keeps no NUL.
NO_NUL = r"^[^\x00]*$"

After = Annotated[UUID | None, Query(description="`next` of the page before")]
Limit = Annotated[int, Query(ge=1, le=100)]


def viewer(caller: Caller) -> Viewer:
    """Whose things the caller sees."""
    if not caller.may("payments:read"):
        return Viewer(applicant_id=caller.id)
    return Viewer(
        applicant_id=None,
        kinds=tuple(sorted(caller.kinds("payments:read"))),
        locations=tuple(_ids(caller.locations)),
        assignee_id=None if caller.may("orders:read_all") else caller.id,
    )


def _ids(texts: frozenset[str]) -> list[UUID]:
    try:
        return sorted(UUID(text) for text in texts)
    except ValueError:
        # A token that names no location of ours reaches none.
        return [UUID(int=0)]


async def visible_order(
    transaction: Transaction, order_id: UUID, caller: Caller, *, applicant_id: UUID | None = None
) -> OrderCopy | None:
    """The order, if the caller sees it; `applicant_id` is whose it is where no event has told of it yet.

    Raises:
        NotFoundError: there is none that the caller sees.
    """
    order = await copies.by_id(transaction, order_id)
    seen_by = viewer(caller)
    if order is not None:
        seen = seen_by.sees(order)
    else:
        seen = applicant_id is not None and seen_by.applicant_id in (None, applicant_id)
    if not seen:
        raise NotFoundError
    return order


async def order_for(transaction: Transaction, order_id: UUID, caller: Caller, permission: str) -> OrderCopy:
    """An order that the caller sees and has this permission for, for its kind (B1).

    Raises:
        NotFoundError: there is none that the caller sees.
        ForbiddenError: the caller sees it and may not.
    """
    order = await visible_order(transaction, order_id, caller)
    if order is None:
        raise NotFoundError
    if not caller.may(permission, order.kind):
        raise ForbiddenError(needs=permission, kind=order.kind)
    return order


async def visible_invoice(transaction: Transaction, number: int, caller: Caller) -> Invoice:
    """Raises NotFoundError."""
    if not 0 <= number < 2**63:
        raise NotFoundError
    invoice = await invoices.by_number(transaction, number, viewer(caller))
    if invoice is None:
        raise NotFoundError
    return invoice
