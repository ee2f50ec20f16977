"""What happened to an order, as events for others and as lines of its history."""

from typing import Any

from foyer_chassis.db import UnitOfWork
from foyer_contracts import orders as events
from foyer_contracts.envelope import EventData
from foyer_contracts.ids import new_id

from ...statuses.domain import Directory
from .. import store
from ..domain import change
from ..domain.change import Happened
from ..domain.machine import GROUPS
from ..domain.order import SYSTEM, Actor, Line, LineState, Order


def publish(unit: UnitOfWork, order: Order, happened: tuple[Happened, ...], directory: Directory) -> None:
    for item in happened:
        unit.publish(_event(order, item, directory), subject=order.id, sequence=order.version)


def history_of(order: Order, happened: tuple[Happened, ...]) -> list[dict[str, Any]]:
    """The lines of the history: changes of status, and what else people did to the order."""
    rows: list[dict[str, Any]] = []
    for item in happened:
        details: dict[str, Any]
        position = len(rows)
        match item:
            case change.StatusChanged():
                row = store.history_row(
                    order,
                    item.actor,
                    position,
                    from_status=item.before.value,
                    to_status=item.after.value,
                    label=item.label,
                    reason=item.reason,
                    note=item.note,
                )
            case change.Assigned():
                details = {"from": _text(item.previous), "to": _text(order.assignee_id)}
                row = store.history_row(order, item.actor, position, what="assigned", details=details)
            case change.DeadlineChanged():
                details = {"respond_by": _text(order.respond_by), "complete_by": _text(order.complete_by)}
                row = store.history_row(order, item.actor, position, what="deadlines", details=details)
            case change.Edited():
                details = {"changed": list(item.changed)}
                row = store.history_row(order, item.actor, position, what="edited", details=details)
            case change.Overdue():
                details = {"deadline": item.deadline, "due_at": item.due_at.isoformat()}
                row = store.history_row(order, SYSTEM, position, what="overdue", details=details)
            case _:
                continue
        rows.append(row)
    return rows


def _text(value: object) -> str | None:
    return None if value is None else str(value)


def event_lines(lines: tuple[Line, ...]) -> list[events.Line]:
    """What the order consists of now; goods that are missing are no part of it."""
    return [
        events.Line(
            title=line.title, quantity=line.quantity, unit_price=line.unit_price, total=line.total, extra=line.extra
        )
        for line in lines
        if line.state is not LineState.MISSING
    ]


def event_actor(actor: Actor) -> events.Actor:
    return events.Actor(kind=actor.kind, id=actor.id)


def _common(order: Order) -> dict[str, Any]:
    return {"order_id": order.id, "number": order.number, "applicant_id": order.applicant_id}


def _event(order: Order, happened: Happened, directory: Directory) -> EventData:
    common = _common(order)
    described = {**common, "kind": order.kind.value, "offering_title": order.offering_title}
    people = {"assignee_id": order.assignee_id, "responsible_ids": list(order.responsible_ids)}
    match happened:
        case change.StatusChanged():
            code = happened.label or happened.after.value
            return events.OrderStatusChanged(
                **described,
                **people,
                from_status=happened.before.value,
                to_status=happened.after.value,
                group=GROUPS[happened.after].value,
                reason=happened.reason,
                note=happened.note,
                actor=event_actor(happened.actor),
                label=happened.label,
                title=events.StatusTitle(ru=directory.title(code, "ru"), en=directory.title(code, "en")),
            )
        case change.Cancelled():
            return events.OrderCancelled(
                **common,
                reason=happened.reason,
                paid=order.money(order.paid),
                fee=happened.fee,
                refund=happened.refund,
                actor=event_actor(happened.actor),
            )
        case change.Priced():
            return priced_event(order)
        case change.Returned():
            return events.OrderReturned(**described, **people, note=happened.note)
        case change.Completed():
            return events.OrderCompleted(
                **described,
                offering_id=order.offering_id,
                assignee_id=order.assignee_id,
                reason=happened.reason,
                actor=event_actor(happened.actor),
            )
        case change.Assigned():
            return events.OrderAssigned(
                **described, **people, previous_assignee_id=happened.previous, actor=event_actor(happened.actor)
            )
        case change.DeadlineChanged():
            return events.OrderDeadlineChanged(
                **common,
                kind=order.kind.value,
                assignee_id=order.assignee_id,
                respond_by=order.respond_by,
                complete_by=order.complete_by,
                actor=event_actor(happened.actor),
            )
        case change.Overdue():
            return events.OrderOverdue(**described, **people, deadline=happened.deadline, due_at=happened.due_at)
        case change.Edited():
            return events.OrderChanged(
                **described,
                change_id=new_id(),
                changed=list(happened.changed),
                payer_kind=order.payer_kind,
                extras_as_lines=order.extras_as_lines,
                lines=event_lines(order.lines),
                total=order.total,
                refund=happened.refund,
                actor=event_actor(happened.actor),
            )
        case change.Rated():
            assert order.rating is not None
            return events.OrderRated(
                **common,
                offering_id=order.offering_id,
                assignee_id=order.assignee_id,
                rating=order.rating,
                previous_rating=happened.previous,
            )


def priced_event(order: Order) -> events.OrderPriced:
    assert order.total is not None
    return events.OrderPriced(
        **_common(order),
        payer_kind=order.payer_kind,
        prepaid=order.prepaid,
        description=f"№ {order.number}: {order.offering_title}",
        lines=event_lines(order.lines),
        total=order.total,
        pay_until=order.pay_until,
        terms=order.terms,
        legal_entity_id=order.legal_entity_id,
        extras_as_lines=order.extras_as_lines,
    )
