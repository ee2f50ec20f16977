"""Who sees an order, and as whom they act on it (docs/features.md, "Roles", B1)."""

from foyer_chassis.auth import Caller
from foyer_chassis.errors import ForbiddenError

from ..domain.order import Actor, Order


def sees(caller: Caller, order: Order) -> bool:
    """Applicants see their own orders; staff those of their kinds and locations, all or those assigned to them."""
    own = order.applicant_id == caller.id and caller.may("orders:read_own")
    return own or sees_as_staff(caller, order)


def may_edit(caller: Caller, order: Order) -> bool:
    """Staff who see the order and may do something with it."""
    return caller.may("orders:edit", order.kind.value) and sees_as_staff(caller, order)


def sees_as_staff(caller: Caller, order: Order) -> bool:
    """The staff's side of the order: files, internal comments, costs."""
    kind = order.kind.value
    if not _in_reach(caller, order):
        return False
    return caller.may("orders:read_all", kind) or (
        caller.may("orders:read_assigned", kind) and order.assignee_id == caller.id
    )


def _in_reach(caller: Caller, order: Order) -> bool:
    return not caller.locations or str(order.location_id) in caller.locations


def actor_for(caller: Caller, order: Order, *, as_applicant: bool, permission: str = "orders:act_own") -> Actor:
    """Whom the caller acts as, on an order that they see.

    Raises:
        ForbiddenError: it is not their own, or their role does not edit orders of this kind.
    """
    if as_applicant:
        if order.applicant_id != caller.id or not caller.may(permission):
            raise ForbiddenError("Only the applicant may do that.")
        return Actor("customer", caller.id)
    if not may_edit(caller, order):
        raise ForbiddenError(needs="orders:edit")
    return Actor("staff", caller.id)


def actor_of(caller: Caller) -> Actor:
    return Actor("staff" if caller.is_staff else "customer", caller.id)
