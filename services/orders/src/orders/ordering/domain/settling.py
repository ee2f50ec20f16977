"""What an order makes of what booking and payments say.

Their events overtake each other. So an order keeps what each of them last said (`reservation`, `paid`, `refunded`, the
invoices) and settles: any order of arrival ends in the same status.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, ClassVar, Protocol, TypeVar
from uuid import UUID

from foyer_contracts.money import Money

from ...catalogue.domain import Kind
from .change import Cancelled, Change, Edited, Priced, go
from .machine import MACHINES, Group, Status, Verb
from .order import SYSTEM, Actor, Invoice, Line, Order, Payment, Refund, Slots, Stage

HOLD_EXPIRED = "hold_expired"
CUSTOMER_REQUEST = "customer_request"
STAFF_DECISION = "staff_decision"
FUNDS_MISSING = "funds_missing"
FUNDS_RECEIVED = "funds_received"
PAID = "paid"
AUTO_CLOSE = "auto_close"
REFUNDED = "refunded"

#: Kinds whose places booking takes; they are confirmed only with them.
PLACES = frozenset({Kind.SLOT_BOOKING, Kind.COWORKING, Kind.HOTEL})


class _Ranked(Protocol):
    RANKS: ClassVar[tuple[str, ...]]

    @property
    def state(self) -> str: ...


R = TypeVar("R", bound=_Ranked)


def _later(known: Mapping[UUID, R], id_: UUID, item: R) -> dict[UUID, R] | None:
    """The mapping with `item`, or None if something later is known of it already."""
    before = known.get(id_)
    if before is not None and item.RANKS.index(item.state) <= item.RANKS.index(before.state):
        return None
    return {**known, id_: item}


def settle(order: Order, now: datetime) -> Change:
    """Bring the status up to what booking and payments have said."""
    change = Change(order)
    has_places = order.kind not in PLACES or order.reservation >= Stage.CONFIRMED
    undecided = order.status in (Status.NEW, Status.CANCELLED) and order.cancel_reason in (None, HOLD_EXPIRED)
    pays_first = order.terms in ("prepaid", "part_payment", "account")
    if undecided and has_places and (order.is_fully_paid or not pays_first):
        change = go(replace(order, cancel_reason=None), Verb.SETTLE, now)
    if order.reservation >= Stage.STARTED:
        change = change.then(go(change.order, Verb.START, now))
    if order.reservation is Stage.ENDED and change.order.is_money_settled:
        change = change.then(go(change.order, Verb.END, now))
    return change.then(close_if_paid(change.order, now))


def close_if_paid(order: Order, now: datetime) -> Change:
    """A10 with B9 and B15: its time to close by itself had come, and now it is paid and has its file too."""
    if not order.close_when_paid or not order.is_money_settled or order.is_refund_under_way:
        return Change(order)
    if order.rules.needs_file and not order.files:
        return Change(order)
    return go(order, Verb.AUTO_CLOSE, now, reason=AUTO_CLOSE)


def call_off(
    order: Order, now: datetime, reason: str, *, actor: Actor = SYSTEM, note: str | None = None, fee: int = 0
) -> Change:
    """Cancel, or go on cancelling: whatever was paid and is not yet ordered back goes back, without the fee."""
    refund = max(0, order.paid_above(None) - fee)
    fee += order.fee
    cancelled = replace(order, cancel_reason=reason, refund_due=order.refund_due + refund, fee=fee)
    verb = Verb.CANCEL_PAID if refund else Verb.CANCEL
    change = go(cancelled, verb, now, actor=actor, reason=reason, note=note)
    return Change(change.order, (*change.happened, Cancelled(reason, order.money(refund), order.money(fee), actor)))


def priced(order: Order, lines: tuple[Line, ...], total: Money, **more: Any) -> Change:
    """The order has its price."""
    after = replace(order, lines=lines, total=total, currency=total.currency, **more)
    return Change(after, (Priced(),))


def places_held(
    order: Order,
    now: datetime,
    *,
    lines: tuple[Line, ...],
    total: Money,
    pay_until: datetime,
    places: Mapping[str, Any],
) -> Change:
    """Booking took the places: the price is known. An order cancelled meanwhile stays so; booking hears of it too."""
    if order.total is not None or order.is_cancelled:
        return Change(order)
    reservation = max(order.reservation, Stage.HELD)
    change = priced(order, lines, total, pay_until=pay_until, places=places, reservation=reservation)
    return change.then(settle(change.order, now))


def places_unavailable(order: Order, now: datetime, *, reason: str, late: bool) -> Change:
    """The places cannot be had; `late`: not again, for money that came after the hold had expired."""
    if not late:
        return call_off(order, now, reason) if order.status is Status.NEW else Change(order)
    if order.status is not Status.NEW and order.cancel_reason != HOLD_EXPIRED:
        return Change(order)
    gone = replace(order, places_gone=True)
    if gone.paid == 0:
        # The money is on its way here by another road; it goes back when it arrives (`money_received`).
        if gone.status is Status.NEW:
            return call_off(gone, now, reason)
        return Change(replace(gone, cancel_reason=reason))
    return call_off(gone, now, reason)


def hold_expired(order: Order, now: datetime) -> Change:
    """Not paid in time (journey 2). If all is paid by now, booking decides about the places and tells."""
    if order.group not in (Group.NEW, Group.WAITING) or order.is_fully_paid or order.reservation >= Stage.CONFIRMED:
        return Change(order)
    return call_off(order, now, HOLD_EXPIRED)


def reservation_advanced(order: Order, now: datetime, stage: Stage, places: Mapping[str, Any] | None = None) -> Change:
    """The reservation is confirmed, started or ended."""
    if stage <= order.reservation:
        return Change(order)
    return settle(replace(order, reservation=stage, places=places or order.places), now)


def rescheduled(
    order: Order,
    *,
    sequence: int,
    slots: Slots | None,
    places: Mapping[str, Any],
    lines: tuple[Line, ...],
    total: Money,
    actor: Actor,
) -> Change:
    """Booking moved or changed it (A15): every view shows the new time. What it costs less now goes back; what it
    costs more, payments invoices (A14 lets only a company's booking cost something else)."""
    if order.is_over or sequence <= order.moved_sequence:
        return Change(order)
    refund = order.paid_above(total)
    moved = replace(
        order,
        slots=slots,
        places=places,
        lines=lines,
        total=total,
        refund_due=order.refund_due + refund,
        moved_sequence=sequence,
    )
    return Change(moved, (Edited(("slots",), order.money(refund), actor),))


def occurrences_cancelled(
    order: Order,
    now: datetime,
    *,
    sequence: int,
    slots: Slots | None,
    places: Mapping[str, Any],
    cancelled: Sequence[tuple[datetime, int]],
    lines: tuple[Line, ...],
    total: Money,
    actor: Actor,
) -> Change:
    """Some times of a recurring booking were given up (X5): beginnings and prices. What was paid for them goes back;
    of what customers give up themselves, the policy keeps its fee for each time by its own notice (X4)."""
    if order.is_over or sequence <= order.moved_sequence:
        return Change(order)
    too_much = order.paid_above(total)
    fee = 0
    if actor.kind == "customer":
        fee = min(too_much, sum(order.rules.fee(price, starts_at, now) for starts_at, price in cancelled))
    refund = too_much - fee
    after = replace(
        order,
        slots=slots,
        places=places,
        lines=lines,
        total=total,
        refund_due=order.refund_due + refund,
        fee=order.fee + fee,
        moved_sequence=sequence,
    )
    return Change(after, (Edited(("slots",), order.money(refund), actor),))


def membership_withdrawn(order: Order, now: datetime) -> Change:
    """All its money went back, and so the membership did (D7). Should that be heard here before the refund itself, the
    cap of payments keeps it from going back twice."""
    return Change(order) if order.is_cancelled else call_off(order, now, REFUNDED)


def money_received(order: Order, now: datetime, amount: Money) -> Change:
    """Money came in. For an order that is cancelled for good it goes back; for one whose hold had expired, booking
    decides first."""
    paid = replace(order, paid=order.paid + amount.amount)
    if paid.group in (Group.CANCELLED, Group.REMOVED) and paid.cancel_reason != HOLD_EXPIRED:
        return call_off(paid, now, paid.cancel_reason or CUSTOMER_REQUEST)
    if paid.places_gone:
        return call_off(paid, now, paid.cancel_reason or "places_taken")
    return settle(paid, now)


def start_work_when_paid(order: Order, now: datetime) -> Change:
    """C2: an order whose invoice is paid goes to work by itself, where the business set it so."""
    if order.open_invoices or not order.is_money_settled:
        return Change(order)
    for verb in (Verb.TAKE, Verb.COLLECT):
        if (order.status, verb) in MACHINES[order.kind]:
            return go(order, verb, now, reason=PAID)
    return Change(order)


def refund_heard(order: Order, now: datetime, id_: UUID, refund: Refund) -> Change:
    """What payments says of a refund: started, succeeded, failed after all attempts; or bounced: it had gone through,
    heard of here or not, and the payer's bank sent the money back. Of what failed a person must look (journey 5)."""
    before = order.refunds.get(id_)
    if not refund.follows(before):
        return Change(order)
    refunded = order.refunded - _counted(before) + _counted(refund)
    owed = refunded + (refund.amount if refund.state == "bounced" else 0)
    noted = refund_noted(order, id_, refund).order
    after = replace(noted, refunded=refunded, refund_due=max(order.refund_due, owed))
    if refund.state != "succeeded":
        if after.refunded < after.refund_due:
            return go(after, Verb.REFUND_FAILED, now, reason=after.cancel_reason)
        return Change(after)
    if after.is_cancelled and after.refunded >= after.refund_due:
        return go(after, Verb.REFUNDED, now, reason=after.cancel_reason)
    return close_if_paid(after, now)


def _counted(refund: Refund | None) -> int:
    """What of a refund is among `refunded`."""
    return refund.amount if refund is not None and refund.state == "succeeded" else 0


def refund_noted(order: Order, id_: UUID, refund: Refund) -> Change:
    """What the card and the list show of a refund or of a request for one."""
    if not refund.follows(order.refunds.get(id_)):
        return Change(order)
    refunds = {**order.refunds, id_: refund}
    return Change(replace(order, refunds=refunds, refund_failed=any(item.has_failed for item in refunds.values())))


def refund_started(order: Order, now: datetime, id_: UUID, refund: Refund) -> Change:
    """Money is on its way back: the client's open request for it, if there is one, is answered by that (B23)."""
    answered = {
        key: replace(item, state="accepted") for key, item in order.refunds.items() if item.state == "requested"
    }
    return refund_heard(replace(order, refunds={**order.refunds, **answered}), now, id_, refund)


def invoice_noted(order: Order, now: datetime, id_: UUID, invoice: Invoice) -> Change:
    """An invoice of the order was issued, activated, paid or cancelled."""
    invoices = _later(order.invoices, id_, invoice)
    if invoices is None:
        return Change(order)
    noted = replace(order, invoices=invoices)
    return settle(noted, now) if invoice.state == "paid" else Change(noted)


def invoice_cancelled(order: Order, id_: UUID, number: int) -> Change:
    """An invoice need not be paid any more; one that was never heard of before is only remembered as such."""
    known = order.invoices.get(id_)
    amount = 0 if known is None else known.amount
    return Change(replace(order, invoices={**order.invoices, id_: Invoice(number, amount, "cancelled")}))


def payment_noted(order: Order, id_: UUID, payment: Payment) -> Change:
    """What the card shows of a payment (A19)."""
    payments = _later(order.payments, id_, payment)
    return Change(order if payments is None else replace(order, payments=payments))


def payment_ended(order: Order, id_: UUID, state: str, at: datetime) -> Change:
    """A payment failed or was given up; also one whose link is only heard of later."""
    known = order.payments.get(id_) or Payment(None, 0, None, state, at)
    return payment_noted(order, id_, replace(known, state=state, at=at, url=None))


def funds_missing(order: Order, now: datetime, label: str | None) -> Change:
    """C3: not enough credit; the order waits, in the status that the business chose for it."""
    return go(order, Verb.WAIT, now, reason=FUNDS_MISSING, label=label)


def account_debited(order: Order, now: datetime, amount: Money) -> Change:
    """C4: charged to the applicant's account, which is as good as paid."""
    return money_received(order, now, amount)


def release(order: Order, now: datetime, *, reason: str = FUNDS_RECEIVED, actor: Actor = SYSTEM) -> Change:
    """C6: the order need not wait any more."""
    change = go(order, Verb.RELEASE, now, reason=reason, actor=actor)
    return change.then(settle(change.order, now))


def costs_posted(order: Order, costs: int, sequence: int) -> Change:
    """B6: what the order cost so far; a sum, so the newest one counts."""
    if sequence <= order.costs_sequence:
        return Change(order)
    return Change(replace(order, costs=costs, costs_sequence=sequence))


def message_posted(order: Order, author: str, count: int) -> Change:
    """B3, B28: the newest number of messages that this side wrote in the public thread."""
    unread = order.unread
    if author == "customer":
        unread = replace(unread, by_customer=max(unread.by_customer, count))
    elif author == "staff":
        unread = replace(unread, by_staff=max(unread.by_staff, count))
    return Change(replace(order, unread=unread))


def conversation_read(order: Order, reader: str, seen: int) -> Change:
    unread = order.unread
    if reader == "customer":
        unread = replace(unread, seen_by_customer=max(unread.seen_by_customer, seen))
    else:
        unread = replace(unread, seen_by_staff=max(unread.seen_by_staff, seen))
    return Change(replace(order, unread=unread))
