"""What staff do with an order beside moving it on: assignee, deadlines, content, own status, internal comments; and
what the clock does."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from foyer_chassis.auth import Caller
from foyer_chassis.db import Transaction
from foyer_chassis.errors import ForbiddenError
from foyer_contracts.ids import new_id

from ..catalogue import store as catalogue
from ..customers import store as customers
from ..ordering import store as orders
from ..ordering import use_cases as ordering
from ..ordering.domain import processing
from ..ordering.domain.machine import Verb
from ..ordering.domain.order import Order
from ..ordering.use_cases.access import actor_for, may_edit, sees_as_staff
from ..ordering.use_cases.placing import UnknownPremisesError
from ..statuses import store as statuses
from . import store

#: Orders that one turn of the clock takes.
MOST_DUE = 100


async def assign(
    transaction: Transaction, caller: Caller, number: int, assignee_id: UUID | None, *, if_version: int
) -> Order:
    """A4. Raises NotFoundError, ForbiddenError, StaleError, NotResponsibleError, NotInThisStatusError."""
    return await ordering.change_order(
        transaction,
        caller,
        number,
        lambda order, actor: processing.assign(order, assignee_id, actor),
        if_version=if_version,
    )


async def change_deadlines(
    transaction: Transaction,
    caller: Caller,
    number: int,
    *,
    respond_by: datetime | None,
    complete_by: datetime | None,
    if_version: int,
) -> Order:
    """A6. Raises NotFoundError, ForbiddenError, StaleError, DeadlineOrderError, NotInThisStatusError."""
    return await ordering.change_order(
        transaction,
        caller,
        number,
        lambda order, actor: processing.change_deadlines(order, actor, respond_by=respond_by, complete_by=complete_by),
        if_version=if_version,
    )


async def edit(
    transaction: Transaction, caller: Caller, number: int, changes: Mapping[str, Any], *, if_version: int
) -> Order:
    """Staff change what an order says (A13, A14, A18); `changes` has only what is to change.

    Raises:
        NotFoundError, ForbiddenError, StaleError, AnswersInvalidError, UnknownPremisesError, NotInThisStatusError,
        PaidByIndividualError.
    """
    order = await ordering.visible_order(transaction, caller, number, lock=True)
    actor = actor_for(caller, order, as_applicant=False)
    ordering.check_version(order, if_version)
    names = ("comment", "answers", "premises_id", "address", "payer_kind", "payer", "extras_as_lines")
    values = {name: changes.get(name, getattr(order, name)) for name in names}
    if "answers" in changes:
        offering = await catalogue.offering_at(transaction, order.offering_id, order.offering_version)
        assert offering is not None
        values["answers"] = offering.form.check(changes["answers"])
    if changes.get("premises_id") is not None:
        premises = await customers.premises_by_id(transaction, changes["premises_id"])
        if premises is None or not premises.active or premises.customer_id != order.applicant_id:
            raise UnknownPremisesError(field="premises_id")
        values["address"] = premises.address
    changed = await ordering.keep(transaction, order, processing.edit(order, actor, **values))
    if changed.address != order.address:
        await orders.search_anew(transaction, changed)
    return changed


async def relabel(
    transaction: Transaction, caller: Caller, number: int, label: str | None, *, note: str | None, if_version: int
) -> Order:
    """C1: another status of the order's group, by its code in the directory; None: the built-in one.

    Raises:
        NotFoundError, ForbiddenError, StaleError, UnknownStatusError.
    """
    order = await ordering.visible_order(transaction, caller, number, lock=True)
    actor = actor_for(caller, order, as_applicant=False)
    ordering.check_version(order, if_version)
    if label is not None:
        directory = await statuses.directory(transaction)
        directory.label(label, kind=order.kind.value, status=order.status.value)
    return await ordering.keep(transaction, order, processing.relabel(order, label, actor, note=note))


async def remove(
    transaction: Transaction, caller: Caller, number: int, *, note: str | None, if_version: int | None
) -> Order:
    """An administrator takes off an order that was made by mistake.

    Raises:
        NotFoundError, ForbiddenError, StaleError, NotInThisStatusError, MoneyReceivedError.
    """
    return await ordering.change_order(
        transaction,
        caller,
        number,
        lambda order, actor: processing.remove(order, actor, transaction.now, note=note),
        if_version=if_version,
    )


async def act(
    transaction: Transaction, caller: Caller, number: int, verb: Verb, *, note: str | None, if_version: int | None
) -> Order:
    """A verb of the order's machine. Raises what `ordering.use_cases.act` does."""
    return await ordering.act(transaction, caller, number, verb, note=note, if_version=if_version)


async def add_comment(transaction: Transaction, caller: Caller, number: int, text: str) -> dict[str, Any]:
    """Say something to other staff (B10).

    Raises:
        NotFoundError, ForbiddenError.
    """
    order = await ordering.visible_order(transaction, caller, number)
    if not may_edit(caller, order):
        raise ForbiddenError(needs="orders:edit")
    comment = {
        "id": new_id(),
        "order_id": order.id,
        "at": transaction.now,
        "author_id": caller.id,
        "author_name": caller.name,
        "text": text,
    }
    await store.add_comment(transaction, comment)
    return comment


async def staff_order(reading: Transaction, caller: Caller, number: int) -> Order:
    """An order of which the caller sees the staff's side.

    Raises:
        NotFoundError: there is no such order for them.
        ForbiddenError: it is their own, and they are no staff for it.
    """
    order = await ordering.visible_order(reading, caller, number)
    if not sees_as_staff(caller, order):
        raise ForbiddenError("This is for staff.")
    return order


async def strike(transaction: Transaction) -> bool:
    """What became due (A10, overdue deadlines), the longest due first. Whether there may be more."""
    due = await orders.due_locked(transaction, limit=MOST_DUE)
    for order in due:
        await ordering.keep(transaction, order, processing.clock_struck(order, transaction.now))
    return len(due) == MOST_DUE
