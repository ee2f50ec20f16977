"""Goods are collected line by line (A28): collected, replaced by another item, or missing."""

from dataclasses import replace
from uuid import UUID

from foyer_chassis.errors import ConflictError, NotFoundError
from foyer_contracts.money import Money

from ..ordering.domain.change import Change, Edited
from ..ordering.domain.machine import Status
from ..ordering.domain.order import Actor, Line, LineState, Order
from ..ordering.domain.processing import NotInThisStatusError


class DearerError(ConflictError):
    """A replacement costs at most what it stands for: what is paid covers the order."""

    title_en = "The replacement is dearer"
    title_ru = "Замена дороже"


class RefundedAlreadyError(ConflictError):
    """The money for this line is on its way back; order it anew."""

    title_en = "The line is refunded already"
    title_ru = "Деньги за позицию уже возвращаются"


def decide(order: Order, line_id: UUID, state: LineState, actor: Actor, *, replacement: Line | None) -> Change:
    """Say what became of a line. A missing one is taken off the price, a replaced one costs what it costs; what is paid
    beyond the new total goes back, an invoice that is not paid yet is issued anew.

    Raises:
        NotInThisStatusError: the goods are not being collected.
        NotFoundError: the order has no such line.
        DearerError: the replacement costs more than the line did.
        RefundedAlreadyError: a missing line was found after its money went back.
    """
    if order.status is not Status.COLLECTING:
        raise NotInThisStatusError(
            state={"status": order.status.value, "version": order.version}, allowed=[Status.COLLECTING.value]
        )
    line = next((item for item in order.lines if item.id == line_id), None)
    if line is None:
        raise NotFoundError
    decided = _decided(line, state, replacement)
    if decided == line:
        return Change(order)
    lines = tuple(decided if item is line else item for item in order.lines)
    if decided.state is LineState.REPLACED and line.total < decided.total:
        raise DearerError(field="item_id", total=line.total.model_dump(), would_be=decided.total.model_dump())
    total = sum((item.total for item in lines if item.state is not LineState.MISSING), Money.zero(order.currency))
    kept = order.paid - order.refund_due
    if line.state is LineState.MISSING and order.refund_due and kept < total.amount:
        raise RefundedAlreadyError(kept=order.money(kept).model_dump(), would_be=total.model_dump())
    refund = max(0, order.paid - order.refund_due - total.amount)
    after = replace(order, lines=lines, total=total, refund_due=order.refund_due + refund)
    return Change(after, (Edited(("lines",), order.money(refund), actor),))


def _decided(line: Line, state: LineState, replacement: Line | None) -> Line:
    if state is LineState.REPLACED:
        assert replacement is not None
        return replace(replacement, id=line.id, state=state, instead_of=line.instead_of or line.title)
    return replace(line, state=state)
