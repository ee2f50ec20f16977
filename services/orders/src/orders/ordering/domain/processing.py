"""What people and the clock do to an order: verbs of its machine, deadlines, assignee, content, rating."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from foyer_chassis.errors import ConflictError, InvalidError

from .change import Assigned, Change, DeadlineChanged, Edited, Overdue, Rated, Returned, StatusChanged, go
from .machine import MACHINES, Arrow, Group, Guard, Party, Status, Verb
from .order import Actor, LineState, Order, PayerKind
from .settling import AUTO_CLOSE, CUSTOMER_REQUEST, STAFF_DECISION, call_off, close_if_paid, settle

REMOVED = "removed"


class NotInThisStatusError(ConflictError):
    """The order's present status does not allow that; see `state` for the status and what is allowed now."""

    title_en = "Not possible in this status"
    title_ru = "В этом статусе нельзя"


class CannotBeCancelledError(ConflictError):
    """The order is cancelled already, or its offering does not let customers cancel."""

    title_en = "The order cannot be cancelled"
    title_ru = "Заказ нельзя отменить"


class FileNeededError(ConflictError):
    """The offering wants a file attached before the order can be finished (B9)."""

    title_en = "Attach a file first"
    title_ru = "Сначала приложите документ"


class NotPaidError(ConflictError):
    """An order of a paid offering can only be done with an issued and paid invoice (B15)."""

    title_en = "Not paid yet"
    title_ru = "Заказ ещё не оплачен"


class RefundUnderWayError(ConflictError):
    """Money of this order is on its way back; wait until the provider has processed it (B24)."""

    title_en = "A refund is under way"
    title_ru = "Возврат ещё обрабатывается"


class LinesUndecidedError(ConflictError):
    """Every line must be collected, replaced or missing first (A28)."""

    title_en = "Not everything is collected"
    title_ru = "Не все позиции собраны"


class NothingCollectedError(ConflictError):
    """Every line is missing: there is nothing to hand over; cancel the order."""

    title_en = "Nothing is collected"
    title_ru = "Ничего не собрано"


class MoneyReceivedError(ConflictError):
    """Money was received for this order: cancel it, so that it goes back."""

    title_en = "Money was received"
    title_ru = "По заказу получены деньги"


class ReasonNeededError(InvalidError):
    """Say why in `comment`: the customer is told."""

    title_en = "A reason is needed"
    title_ru = "Укажите причину"


class NotResponsibleError(InvalidError):
    """The assignee must be one of those responsible for the offering (A4)."""

    title_en = "Not responsible for this offering"
    title_ru = "Не отвечает за эту услугу"


class PaidByIndividualError(ConflictError):
    """An individual has paid for it: the payer stays (A14)."""

    title_en = "Already paid by an individual"
    title_ru = "Уже оплачено физическим лицом"


class DeadlineOrderError(InvalidError):
    """An order is answered before it is completed."""

    title_en = "The deadlines contradict each other"
    title_ru = "Сроки противоречат друг другу"


class NotDoneError(ConflictError):
    """Only an order that is done can be rated (B29)."""

    title_en = "Not done yet"
    title_ru = "Заказ ещё не выполнен"


def party_of(actor: Actor, *, administrator: bool = False) -> frozenset[Party]:
    match actor.kind:
        case "customer":
            return frozenset({Party.APPLICANT})
        case "staff":
            return frozenset({Party.STAFF, Party.ADMINISTRATOR} if administrator else {Party.STAFF})
    return frozenset({Party.SYSTEM})


def broken(order: Order, guard: Guard) -> ConflictError | None:
    """Why a guard does not hold now, or None when it does."""
    state = {"status": order.status.value, "version": order.version}
    match guard:
        case Guard.FILE if order.rules.needs_file and not order.files:
            return FileNeededError(state=state)
        case Guard.MONEY if not order.is_money_settled:
            return NotPaidError(state=state, money=order.money_status)
        case Guard.NO_REFUND_UNDER_WAY if order.is_refund_under_way:
            return RefundUnderWayError(state=state)
        case Guard.PREPAID if order.terms == "prepaid" and not order.is_money_settled:
            return NotPaidError(state=state, money=order.money_status)
        case Guard.LINES_DECIDED if any(line.state is LineState.PENDING for line in order.lines):
            pending = [line.title for line in order.lines if line.state is LineState.PENDING]
            return LinesUndecidedError(state=state, pending=pending)
        case Guard.LINES_DECIDED if all(line.state is LineState.MISSING for line in order.lines):
            return NothingCollectedError(state=state)
        case Guard.NOTHING_PAID if order.paid:
            return MoneyReceivedError(state=state)
    return None


def _applies(order: Order, guard: Guard) -> bool:
    """Guards that choose between two arrows rather than refuse one for now."""
    match guard:
        case Guard.NEEDS_CONFIRMATION:
            return order.rules.needs_confirmation
        case Guard.NEEDS_NO_CONFIRMATION:
            return not order.rules.needs_confirmation
    return True


def arrow_for(order: Order, verb: Verb, parties: frozenset[Party]) -> Arrow | None:
    """The arrow that one of these parties could take now, whether or not its guards hold."""
    arrow = MACHINES[order.kind].get((order.status, verb))
    if arrow is None or not arrow.by & parties or not all(_applies(order, guard) for guard in arrow.needs):
        return None
    if verb is Verb.CANCEL and parties == {Party.APPLICANT} and not order.rules.customer_may_cancel:
        return None
    return arrow


def open_verbs(order: Order, parties: frozenset[Party]) -> list[tuple[Verb, ConflictError | None]]:
    """What these parties can do with the order now, each with what still stands in its way."""
    verbs: list[tuple[Verb, ConflictError | None]] = []
    for verb in Verb:
        if verb in (Verb.CANCEL_PAID, Verb.REFUNDED):
            continue
        if (arrow := arrow_for(order, verb, parties)) is not None:
            obstacles = (broken(order, guard) for guard in arrow.needs)
            verbs.append((verb, next((item for item in obstacles if item is not None), None)))
    return verbs


def act(order: Order, verb: Verb, actor: Actor, now: datetime, *, note: str | None = None) -> Change:
    """A person uses a verb of the order's machine (all but cancelling).

    Raises:
        NotInThisStatusError: there is no such arrow for them now.
        FileNeededError, NotPaidError, RefundUnderWayError, LinesUndecidedError: it has a guard that does not hold.
    """
    parties = party_of(actor)
    arrow = arrow_for(order, verb, parties)
    if arrow is None:
        allowed = [item.value for item, _ in open_verbs(order, parties)]
        raise NotInThisStatusError(
            state={"status": order.status.value, "version": order.version}, verb=verb.value, allowed=allowed
        )
    for guard in arrow.needs:
        if (problem := broken(order, guard)) is not None:
            raise problem
    change = go(order, verb, now, actor=actor, note=note)
    after = change.order
    if after.status is Status.AWAITING_CONFIRMATION and after.rules.auto_close_minutes is not None:
        after = replace(after, close_at=now + timedelta(minutes=after.rules.auto_close_minutes))
    change = Change(after, change.happened)
    if verb is Verb.RETURN:
        return change.then(Change(after, (Returned(note),)))
    return change.then(settle(after, now)) if verb is Verb.RELEASE else change


def cancel(order: Order, actor: Actor, now: datetime, *, note: str | None, keep_fee: bool = False) -> Change:
    """A person cancels (A25, A27, B14). The policy's fee is kept when the customer cancels, or staff say so (X4).

    Raises:
        ReasonNeededError: staff say no reason (B14).
        CannotBeCancelledError: it is cancelled already, or a customer may not.
    """
    if actor.kind == "staff" and not (note or "").strip():
        raise ReasonNeededError(field="comment")
    if arrow_for(order, Verb.CANCEL, party_of(actor)) is None:
        raise CannotBeCancelledError(state={"status": order.status.value, "version": order.version})
    reason = STAFF_DECISION if actor.kind == "staff" else CUSTOMER_REQUEST
    fee = order.fee_for(now, by_policy=actor.kind == "customer" or keep_fee)
    return call_off(order, now, reason, actor=actor, note=note, fee=fee)


def remove(order: Order, actor: Actor, now: datetime, *, note: str | None) -> Change:
    """An administrator takes off an order that was made by mistake; it is in no list any more.

    Raises:
        NotInThisStatusError, MoneyReceivedError.
    """
    arrow = arrow_for(order, Verb.REMOVE, party_of(actor, administrator=True))
    if arrow is None:
        raise NotInThisStatusError(state={"status": order.status.value, "version": order.version}, verb="remove")
    if (problem := broken(order, Guard.NOTHING_PAID)) is not None:
        raise problem
    called_off = Change(order) if order.is_cancelled else call_off(order, now, REMOVED, actor=actor, note=note)
    events = tuple(item for item in called_off.happened if not isinstance(item, StatusChanged))
    change = go(
        replace(called_off.order, status=order.status), Verb.REMOVE, now, actor=actor, reason=REMOVED, note=note
    )
    return Change(change.order, change.happened + events)


def relabel(order: Order, label: str | None, actor: Actor, *, note: str | None) -> Change:
    """Give the order another status of its group (C1); None: the built-in one again."""
    if label == order.label:
        return Change(order)
    changed = StatusChanged(order.status, order.status, None, note, actor, label)
    return Change(replace(order, label=label), (changed,))


def assign(order: Order, assignee_id: UUID | None, actor: Actor) -> Change:
    """A4, B13.

    Raises:
        NotInThisStatusError: the order is over.
        NotResponsibleError: that person is not responsible for the offering.
    """
    _refuse_over(order)
    if assignee_id is not None and assignee_id not in order.responsible_ids:
        raise NotResponsibleError(field="assignee_id", allowed=[str(item) for item in order.responsible_ids])
    if assignee_id == order.assignee_id:
        return Change(order)
    return Change(replace(order, assignee_id=assignee_id), (Assigned(order.assignee_id, actor),))


def change_deadlines(
    order: Order, actor: Actor, *, respond_by: datetime | None, complete_by: datetime | None
) -> Change:
    """A6. A due time in the past is allowed: then it is overdue at once, as it would be on paper.

    Raises:
        NotInThisStatusError: the order is over.
        DeadlineOrderError: completion would be due before the response.
    """
    _refuse_over(order)
    if respond_by is not None and complete_by is not None and complete_by < respond_by:
        raise DeadlineOrderError(field="complete_by", respond_by=respond_by.isoformat())
    if (respond_by, complete_by) == (order.respond_by, order.complete_by):
        return Change(order)
    return Change(replace(order, respond_by=respond_by, complete_by=complete_by), (DeadlineChanged(actor),))


def clock_struck(order: Order, now: datetime) -> Change:
    """What became due by itself: overdue deadlines are told once, an unanswered order closes (A10)."""
    change = Change(order)
    if (due := order._response_due) is not None and due <= now:
        told = replace(change.order, response_told=due)
        change = change.then(Change(told, (Overdue("response", due),)))
    if (due := order._completion_due) is not None and due <= now:
        told = replace(change.order, completion_told=due)
        change = change.then(Change(told, (Overdue("completion", due),)))
    if order.close_at is not None and order.close_at <= now:
        waiting = replace(change.order, close_at=None, close_when_paid=True)
        if any(broken(waiting, guard) for guard in (Guard.FILE, Guard.MONEY, Guard.NO_REFUND_UNDER_WAY)):
            return change.then(Change(waiting))
        change = change.then(go(waiting, Verb.AUTO_CLOSE, now, reason=AUTO_CLOSE))
    return change


def edit(
    order: Order,
    actor: Actor,
    *,
    comment: str | None,
    answers: Mapping[str, Any],
    premises_id: UUID | None,
    address: str | None,
    payer_kind: PayerKind,
    payer: Mapping[str, str] | None,
    extras_as_lines: bool,
) -> Change:
    """Staff change the content (A13, A14, A18).

    Raises:
        NotInThisStatusError: the order is over.
        PaidByIndividualError: another payer for what an individual has paid.
    """
    _refuse_over(order)
    if order.paid and order.payer_kind == "individual" and payer_kind != "individual":
        raise PaidByIndividualError(field="payer_kind", allowed=["individual"])
    after = replace(
        order,
        comment=comment,
        answers=answers,
        premises_id=premises_id,
        address=address,
        payer_kind=payer_kind,
        payer=payer,
        extras_as_lines=extras_as_lines,
    )
    names = ("comment", "answers", "premises_id", "address", "payer_kind", "payer", "extras_as_lines")
    changed = tuple(name for name in names if getattr(order, name) != getattr(after, name))
    return Change(after, (Edited(changed, order.money(0), actor),)) if changed else Change(order)


def file_attached(order: Order, now: datetime) -> Change:
    """B9; what only waited for a file closes by itself."""
    attached = replace(order, files=order.files + 1)
    return Change(attached).then(close_if_paid(attached, now))


def file_removed(order: Order) -> Change:
    """Raises FileNeededError: the work was handed in, and this is the only file that it needs."""
    if order.rules.needs_file and order.files == 1 and order.group in (Group.REVIEW, Group.DONE):
        state = {"status": order.status.value, "version": order.version}
        raise FileNeededError("The work was handed in with this file: attach another one first.", state=state)
    return Change(replace(order, files=order.files - 1))


def rate(order: Order, rating: int, text: str | None, now: datetime) -> Change:
    """B29: the applicant rates, or changes the rating.

    Raises:
        NotDoneError.
    """
    if order.group is not Group.DONE:
        raise NotDoneError(state={"status": order.status.value, "version": order.version})
    if (rating, text) == (order.rating, order.rating_text):
        return Change(order)
    return Change(replace(order, rating=rating, rating_text=text, rated_at=now), (Rated(order.rating),))


def opened(order: Order, version: int) -> Change:
    """B28: the applicant has seen it as it was at `version`."""
    return Change(replace(order, seen_version=max(order.seen_version, version)))


def _refuse_over(order: Order) -> None:
    if order.is_over:
        raise NotInThisStatusError(state={"status": order.status.value, "version": order.version})
