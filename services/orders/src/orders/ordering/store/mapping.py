"""An order as a row, and back."""

from collections.abc import Callable, Mapping
from datetime import date, datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from foyer_contracts.money import Money

from ...catalogue.domain import CancellationStep, Kind
from ..domain.machine import Status
from ..domain.order import (
    Invoice,
    Line,
    LineState,
    Order,
    Payment,
    Refund,
    Rules,
    Slots,
    Stage,
    Unread,
    money,
)


def _id(value: str | None) -> UUID | None:
    return None if value is None else UUID(value)


def line_as_json(line: Line) -> dict[str, Any]:
    found: dict[str, Any] = {
        "title": line.title,
        "quantity": line.quantity,
        "unit_price": line.unit_price.model_dump(),
        "total": line.total.model_dump(),
    }
    if line.extra:
        found["extra"] = True
    if line.id is not None:
        found["id"] = str(line.id)
    if line.item_id is not None:
        found["item_id"] = str(line.item_id)
    for name in ("sku", "instead_of"):
        if (value := getattr(line, name)) is not None:
            found[name] = value
    if line.state is not None:
        found["state"] = line.state.value
    return found


def line_of_json(value: Mapping[str, Any]) -> Line:
    state = value.get("state")
    return Line(
        title=value["title"],
        quantity=value["quantity"],
        unit_price=money(**value["unit_price"]),
        total=money(**value["total"]),
        extra=value.get("extra", False),
        id=_id(value.get("id")),
        item_id=_id(value.get("item_id")),
        sku=value.get("sku"),
        state=None if state is None else LineState(state),
        instead_of=value.get("instead_of"),
    )


def _rules_as_json(rules: Rules) -> dict[str, Any]:
    return {
        "customer_may_cancel": rules.customer_may_cancel,
        "needs_file": rules.needs_file,
        "needs_confirmation": rules.needs_confirmation,
        "auto_close_minutes": rules.auto_close_minutes,
        "refunds_allowed": rules.refunds_allowed,
        "cancellation": [[step.hours_before, step.fee_percent] for step in rules.cancellation],
    }


def _rules_of_json(value: Mapping[str, Any], *, customer_may_cancel: bool) -> Rules:
    if not value:
        return Rules(customer_may_cancel=customer_may_cancel)
    return Rules(**{**value, "cancellation": tuple(CancellationStep(*step) for step in value["cancellation"])})


def _payment_as_json(payment: Payment) -> dict[str, Any]:
    return {
        "number": payment.number,
        "amount": payment.amount,
        "method": payment.method,
        "state": payment.state,
        "at": payment.at.isoformat(),
        "url": payment.url,
    }


def _refund_as_json(refund: Refund) -> dict[str, Any]:
    return {"amount": refund.amount, "state": refund.state, "at": refund.at.isoformat(), "reason": refund.reason}


def _with_instant(value: Mapping[str, Any]) -> dict[str, Any]:
    return {**value, "at": datetime.fromisoformat(value["at"])}


def _amount(value: Money | None) -> int | None:
    return None if value is None else value.amount


#: Characters of a word that an order is found by; some four bytes each, of 2,700 that an index takes.
LONGEST_WORD = 200

#: Column → its value of an order. The first group never changes after the order was placed.
FIXED: Mapping[str, Callable[[Order], Any]] = {
    "id": lambda order: order.id,
    "number": lambda order: order.number,
    "kind": lambda order: order.kind.value,
    "offering_id": lambda order: order.offering_id,
    "offering_version": lambda order: order.offering_version,
    "offering_title": lambda order: order.offering_title,
    "legal_entity_id": lambda order: order.legal_entity_id,
    "location_id": lambda order: order.location_id,
    "applicant_id": lambda order: order.applicant_id,
    "terms": lambda order: order.terms,
    "prepaid": lambda order: order.prepaid,
    "customer_may_cancel": lambda order: order.rules.customer_may_cancel,
    "rules": lambda order: _rules_as_json(order.rules),
    "responsible_ids": lambda order: list(order.responsible_ids),
    "wanted": lambda order: None if order.wanted is None else dict(order.wanted),
    "conversation_id": lambda order: order.conversation_id,
    "draft_id": lambda order: order.draft_id,
    "created_at": lambda order: order.created_at,
}
#: What people and other services change, by the field it is in.
CHANGING: Mapping[str, Mapping[str, Callable[[Order], Any]]] = {
    "applicant_name": {"applicant_name": lambda order: order.applicant_name},
    "payer_kind": {"payer_kind": lambda order: order.payer_kind},
    "payer": {"payer": lambda order: None if order.payer is None else dict(order.payer)},
    "slots": {
        "resource_id": lambda order: None if order.slots is None else order.slots.resource_id,
        "starts_at": lambda order: None if order.slots is None else order.slots.starts_at,
        "ends_at": lambda order: None if order.slots is None else order.slots.ends_at,
    },
    "answers": {"answers": lambda order: dict(order.answers)},
    "premises_id": {"premises_id": lambda order: order.premises_id},
    "address": {"address": lambda order: order.address},
    "comment": {"comment": lambda order: order.comment},
    "extras_as_lines": {"extras_as_lines": lambda order: order.extras_as_lines},
    "currency": {"currency": lambda order: order.currency},
    "status": {"status": lambda order: order.status.value},
    "label": {"label": lambda order: order.label},
    "version": {"version": lambda order: order.version},
    "updated_at": {"updated_at": lambda order: order.updated_at},
    "lines": {"lines": lambda order: [line_as_json(line) for line in order.lines]},
    "total": {"total_amount": lambda order: _amount(order.total)},
    "pay_until": {"pay_until": lambda order: order.pay_until},
    "places": {"places": lambda order: None if order.places is None else dict(order.places)},
    "reservation": {"reservation": lambda order: int(order.reservation)},
    "moved_sequence": {"moved_sequence": lambda order: order.moved_sequence},
    "places_gone": {"places_gone": lambda order: order.places_gone},
    "paid": {"paid_amount": lambda order: order.paid},
    "refund_due": {"refund_due_amount": lambda order: order.refund_due},
    "refunded": {"refunded_amount": lambda order: order.refunded},
    "refund_failed": {"refund_failed": lambda order: order.refund_failed},
    "fee": {"fee_amount": lambda order: order.fee},
    "invoices": {
        "invoices": lambda order: {
            str(id_): {"number": item.number, "amount": item.amount, "state": item.state}
            for id_, item in order.invoices.items()
        },
        "invoice_number": lambda order: max((item.number for item in order.invoices.values()), default=None),
    },
    "payments": {"payments": lambda order: {str(id_): _payment_as_json(item) for id_, item in order.payments.items()}},
    "refunds": {
        "refunds": lambda order: {str(id_): _refund_as_json(item) for id_, item in order.refunds.items()},
        "refund_sequences": lambda order: {str(id_): item.sequence for id_, item in order.refunds.items()},
    },
    "costs": {"costs_amount": lambda order: order.costs},
    "costs_sequence": {"costs_sequence": lambda order: order.costs_sequence},
    "cancel_reason": {"cancel_reason": lambda order: order.cancel_reason},
    "assignee_id": {"assignee_id": lambda order: order.assignee_id},
    "respond_by": {"respond_by": lambda order: order.respond_by},
    "complete_by": {"complete_by": lambda order: order.complete_by},
    "taken_up_at": {"taken_up_at": lambda order: order.taken_up_at},
    "response_told": {"response_told": lambda order: order.response_told},
    "completion_told": {"completion_told": lambda order: order.completion_told},
    "close_at": {"close_at": lambda order: order.close_at},
    "close_when_paid": {"close_when_paid": lambda order: order.close_when_paid},
    "files": {"files": lambda order: order.files},
    "rating": {"rating": lambda order: order.rating},
    "rating_text": {"rating_text": lambda order: order.rating_text},
    "rated_at": {"rated_at": lambda order: order.rated_at},
    "unread": {
        "written_by_customer": lambda order: order.unread.by_customer,
        "written_by_staff": lambda order: order.unread.by_staff,
        "seen_by_customer": lambda order: order.unread.seen_by_customer,
        "seen_by_staff": lambda order: order.unread.seen_by_staff,
    },
    "staff_version": {"staff_version": lambda order: order.staff_version},
    "seen_version": {"seen_version": lambda order: order.seen_version},
}
#: What follows from the rest, kept as columns for lists and clocks.
DERIVED: Mapping[str, Callable[[Order], Any]] = {
    "invoiced_amount": lambda order: order.invoiced,
    "open_invoices": lambda order: order.open_invoices,
    "money_status": lambda order: order.money_status,
    "payment_url": lambda order: order.payment_url,
    "refund_state": lambda order: order.refund_state,
    "refund_amount": lambda order: order.refund_amount,
    "unread_by_applicant": lambda order: order.is_unread_by_applicant,
    "unread_by_staff": lambda order: order.unread_by_staff,
    "due_at": lambda order: order.due_at,
}
#: What a new order can bring; the rest begins as the columns' defaults say.
AT_PLACING = (
    *FIXED,
    *(
        column
        for name in (
            "applicant_name",
            "payer_kind",
            "payer",
            "slots",
            "answers",
            "premises_id",
            "address",
            "comment",
            "extras_as_lines",
            "currency",
            "status",
            "version",
            "updated_at",
            "lines",
            "total",
            "assignee_id",
            "respond_by",
            "complete_by",
            "staff_version",
        )
        for column in CHANGING[name]
    ),
    "money_status",
    "unread_by_applicant",
    "due_at",
)
_ALL = {**FIXED, **{name: get for columns in CHANGING.values() for name, get in columns.items()}, **DERIVED}


def new_row(order: Order) -> dict[str, Any]:
    return {name: _ALL[name](order) for name in AT_PLACING}


def changed_columns(before: Order, after: Order) -> dict[str, Any]:
    """The columns that a change touched, with their new values."""
    changed: dict[str, Any] = {}
    for name, columns in CHANGING.items():
        old, new = getattr(before, name), getattr(after, name)
        if old is not new and old != new:
            changed.update((column, get(after)) for column, get in columns.items())
    for column, get in DERIVED.items():
        if get(before) != (value := get(after)):
            changed[column] = value
    return changed


def _slots(row: sa.RowMapping) -> Slots | None:
    if row["resource_id"] is None:
        return None
    more = (row["wanted"] or {}).get("slots", {})
    return Slots(
        row["resource_id"],
        row["starts_at"],
        row["ends_at"],
        quantity=more.get("quantity", 1),
        recurrence=more.get("recurrence"),
        skip=tuple(date.fromisoformat(day) for day in more.get("skip", ())),
        offer_id=UUID(more["offer_id"]) if "offer_id" in more else None,
    )


def order_of_row(row: sa.RowMapping) -> Order:
    currency, total = row["currency"], row["total_amount"]
    return Order(
        id=row["id"],
        number=row["number"],
        kind=Kind(row["kind"]),
        offering_id=row["offering_id"],
        offering_version=row["offering_version"],
        offering_title=row["offering_title"],
        legal_entity_id=row["legal_entity_id"],
        location_id=row["location_id"],
        applicant_id=row["applicant_id"],
        applicant_name=row["applicant_name"],
        payer_kind=row["payer_kind"],
        payer=row["payer"],
        terms=row["terms"],
        rules=_rules_of_json(row["rules"], customer_may_cancel=row["customer_may_cancel"]),
        responsible_ids=tuple(row["responsible_ids"]),
        slots=_slots(row),
        wanted=row["wanted"],
        answers=row["answers"],
        premises_id=row["premises_id"],
        address=row["address"],
        comment=row["comment"],
        extras_as_lines=row["extras_as_lines"],
        conversation_id=row["conversation_id"],
        draft_id=row["draft_id"],
        currency=currency,
        status=Status(row["status"]),
        label=row["label"],
        version=row["version"],
        created_at=row["created_at"],
        updated_at=row["updated_at"],
        lines=tuple(line_of_json(line) for line in row["lines"]),
        total=None if total is None else money(total, currency),
        pay_until=row["pay_until"],
        places=row["places"],
        reservation=Stage(row["reservation"]),
        moved_sequence=row["moved_sequence"],
        places_gone=row["places_gone"],
        paid=row["paid_amount"],
        refund_due=row["refund_due_amount"],
        refunded=row["refunded_amount"],
        refund_failed=row["refund_failed"],
        fee=row["fee_amount"],
        invoices={UUID(id_): Invoice(**item) for id_, item in row["invoices"].items()},
        payments={UUID(id_): Payment(**_with_instant(item)) for id_, item in row["payments"].items()},
        refunds={
            UUID(id_): Refund(**_with_instant(item), sequence=row["refund_sequences"].get(id_, 0))
            for id_, item in row["refunds"].items()
        },
        costs=row["costs_amount"],
        costs_sequence=row["costs_sequence"],
        cancel_reason=row["cancel_reason"],
        assignee_id=row["assignee_id"],
        respond_by=row["respond_by"],
        complete_by=row["complete_by"],
        taken_up_at=row["taken_up_at"],
        response_told=row["response_told"],
        completion_told=row["completion_told"],
        close_at=row["close_at"],
        close_when_paid=row["close_when_paid"],
        files=row["files"],
        rating=row["rating"],
        rating_text=row["rating_text"],
        rated_at=row["rated_at"],
        unread=Unread(
            row["written_by_customer"], row["written_by_staff"], row["seen_by_customer"], row["seen_by_staff"]
        ),
        staff_version=row["staff_version"],
        seen_version=row["seen_version"],
    )


def search_text(number: int, offering_title: str, applicant_name: str, address: str | None) -> str:
    """What the list's text search looks in (B4): number, offering, the client's full name, address. Never a phone."""
    parts = (str(number), offering_title, applicant_name, address or "")
    # An index takes no words of any length.
    words = " ".join(part for part in parts if part).lower().split(" ")
    return " ".join(word[:LONGEST_WORD] for word in words)
