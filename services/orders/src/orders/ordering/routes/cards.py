"""An order as its readers see it: the applicant, and staff, from whom the phone may still be hidden (B8)."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Literal, Self
from uuid import UUID

from fastapi import Depends, Header, Path, Request
from foyer_chassis.auth import Caller, CurrentCaller
from foyer_chassis.db import Transaction
from foyer_contracts.money import Money
from pydantic import BaseModel, Field

from ...catalogue import store as catalogue
from ...catalogue.domain import Offering
from ...customers import store as customers
from ...customers.domain import Person
from ...statuses import store as statuses
from ...statuses.domain import Directory
from ..domain.machine import Party, Verb
from ..domain.order import MoneyStatus, Order
from ..domain.processing import open_verbs
from ..domain.titles import combined_title
from ..use_cases.access import may_edit, sees_as_staff
from ..use_cases.people import note_caller

AFTER_LAST = 2**62
OrderNumber = Annotated[int, Path(ge=1, le=AFTER_LAST)]
IfMatch = Annotated[str | None, Header(description="only if the order is still at this ETag")]
HIDDEN = "hidden"


async def _note(request: Request, caller: CurrentCaller) -> None:
    await note_caller(request.app.state.database, caller, request.app.state.known_people)


#: For routes by which people act on orders: the history says by name who did it (B10), and who works here hears of it.
NOTED = Depends(_note)


class LineOut(BaseModel):
    title: str
    quantity: int
    unit_price: Money
    total: Money
    extra: bool = Field(default=False, description="an addition, e.g. meals (A18)")
    id: UUID | None = Field(default=None, description="of goods: what collecting calls the line by (A28)")
    item_id: UUID | None = None
    sku: str | None = None
    state: Literal["pending", "collected", "replaced", "missing"] | None = None
    instead_of: str | None = None


class SlotsOut(BaseModel):
    resource_id: UUID
    starts_at: datetime
    ends_at: datetime
    quantity: int = Field(description="how many equal places")
    recurrence: str | None = Field(description="of a booking that recurs, the value of its RRULE (RFC 5545)")


class AnswerOut(BaseModel):
    code: str
    label: str = Field(description="the question, in the caller's language, as it was asked")
    value: Any = Field(description="choices as their labels; `hidden` for a phone that may not be seen yet")


class InvoiceOut(BaseModel):
    id: UUID
    number: int
    total: Money
    state: Literal["issued", "activated", "paid", "cancelled"]


class PaymentOut(BaseModel):
    id: UUID
    number: int | None
    amount: Money
    method: str | None
    state: Literal["pending", "failed", "cancelled", "succeeded"]
    at: datetime


class RefundOut(BaseModel):
    id: UUID
    amount: Money
    state: Literal["requested", "accepted", "rejected", "started", "failed", "succeeded", "bounced"] = Field(
        description="bounced: it had succeeded, and the payer's bank sent the money back"
    )
    at: datetime
    reason: str | None = Field(description="why a request was refused")


class MoneyOut(BaseModel):
    """The state of the order's money, which is not the state of the order."""

    status: MoneyStatus
    invoiced: Money = Field(description="all invoices issued (B6)")
    all_paid: bool = Field(description="whether every invoice issued is paid")
    paid: Money
    fee: Money = Field(description="kept by the cancellation policy (X4)")
    refund_due: Money
    refunded: Money
    costs: Money | None = Field(description="partner commission and acquiring; staff only")
    invoice_number: int | None
    payment_url: str | None = Field(description="where it can be paid; staff can copy it (A12)")
    pay_until: datetime | None
    invoices: list[InvoiceOut]
    payments: list[PaymentOut] = Field(description="A19")
    refunds: list[RefundOut]


class ApplicantOut(BaseModel):
    """The client, for staff (A19)."""

    id: UUID
    name: str
    email: str | None
    phone: str | None
    phone_hidden: bool = Field(description="hidden until the order is taken up (B8)")


class DeadlinesOut(BaseModel):
    respond_by: datetime | None
    complete_by: datetime | None
    overdue: bool


class RatingOut(BaseModel):
    rating: int
    text: str | None
    at: datetime


class OrderOut(BaseModel):
    id: UUID
    number: int
    kind: str
    status: str = Field(description="the built-in status, by which the order goes its way")
    status_group: str
    label: str | None = Field(description="the business's own status inside the group (C1)")
    title: str = Field(description="status of the order and of its money in the caller's language")
    offering_id: UUID
    offering_version: int
    offering_title: str
    location_id: UUID | None
    legal_entity_id: UUID | None
    applicant_id: UUID
    applicant: ApplicantOut | None = Field(description="for staff")
    payer_kind: Literal["individual", "company"]
    payer: dict[str, str] | None
    terms: str
    slots: SlotsOut | None
    request: dict[str, Any] | None = Field(description="the ticket, stay or membership asked for")
    places: dict[str, Any] | None
    answers: list[AnswerOut]
    premises_id: UUID | None
    address: str | None
    lines: list[LineOut]
    extras_as_lines: bool
    total: Money | None
    money: MoneyOut
    comment: str | None
    cancel_reason: str | None
    assignee_id: UUID | None
    responsible_ids: list[UUID] = Field(description="who can be the assignee; staff only")
    deadlines: DeadlinesOut
    closes_at: datetime | None = Field(description="when it is done by itself, if nobody answers (A10)")
    files: int | None = Field(description="how many files staff attached; staff only (B9)")
    rating: RatingOut | None
    unread: bool = Field(description="for its applicant: changed or written to by staff since last opened (B28)")
    unread_messages: int | None = Field(description="messages of the client that staff have not read; staff only")
    conversation_id: UUID | None
    draft_id: UUID | None
    actions: list[str] = Field(description="what the caller may do with it now; see `/actions` for how")
    version: int
    created_at: datetime
    updated_at: datetime

    @classmethod
    def of(cls, order: Order, caller: Caller, known: "Known") -> Self:
        as_staff = sees_as_staff(caller, order)
        return cls(
            id=order.id,
            number=order.number,
            kind=order.kind.value,
            status=order.status.value,
            status_group=order.group.value,
            label=order.label,
            title=title_of(order, known.directory, caller.locale),
            offering_id=order.offering_id,
            offering_version=order.offering_version,
            offering_title=order.offering_title,
            location_id=order.location_id,
            legal_entity_id=order.legal_entity_id,
            applicant_id=order.applicant_id,
            applicant=_applicant(order, known.person) if as_staff else None,
            payer_kind=order.payer_kind,
            payer=None if order.payer is None else dict(order.payer),
            terms=order.terms,
            slots=None
            if order.slots is None
            else SlotsOut(
                resource_id=order.slots.resource_id,
                starts_at=order.slots.starts_at,
                ends_at=order.slots.ends_at,
                quantity=order.slots.quantity,
                recurrence=order.slots.recurrence,
            ),
            request=None if order.wanted is None else dict(order.wanted),
            places=None if order.places is None else dict(order.places),
            answers=_answers(order, known.offering, caller),
            premises_id=order.premises_id,
            address=order.address,
            lines=[
                LineOut(
                    title=line.title,
                    quantity=line.quantity,
                    unit_price=line.unit_price,
                    total=line.total,
                    extra=line.extra,
                    id=line.id,
                    item_id=line.item_id,
                    sku=line.sku,
                    state=None if line.state is None else line.state.value,
                    instead_of=line.instead_of,
                )
                for line in order.lines
            ],
            extras_as_lines=order.extras_as_lines,
            total=order.total,
            money=_money(order, as_staff=as_staff),
            comment=order.comment,
            cancel_reason=order.cancel_reason,
            assignee_id=order.assignee_id,
            responsible_ids=list(order.responsible_ids) if as_staff else [],
            deadlines=DeadlinesOut(
                respond_by=order.respond_by, complete_by=order.complete_by, overdue=order.overdue(known.now)
            ),
            closes_at=order.close_at,
            files=order.files if as_staff else None,
            rating=None
            if order.rating is None or order.rated_at is None
            else RatingOut(rating=order.rating, text=order.rating_text, at=order.rated_at),
            unread=order.is_unread_by_applicant if order.applicant_id == caller.id else False,
            unread_messages=order.unread_by_staff if as_staff else None,
            conversation_id=order.conversation_id,
            draft_id=order.draft_id,
            actions=[verb.value for verb, obstacle in open_verbs(order, parties_of(caller, order)) if not obstacle],
            version=order.version,
            created_at=order.created_at,
            updated_at=order.updated_at,
        )


@dataclass(frozen=True, slots=True)
class Known:
    """What a card needs beside the order: the offering as it was, the applicant (for staff), the names of statuses."""

    directory: Directory
    offering: Offering | None
    person: Person | None
    now: datetime


async def known_of(reading: Transaction, order: Order, caller: Caller) -> Known:
    return Known(
        directory=await statuses.directory(reading),
        offering=await catalogue.offering_at(reading, order.offering_id, order.offering_version)
        if order.answers
        else None,
        person=await customers.person_by_id(reading, order.applicant_id) if sees_as_staff(caller, order) else None,
        now=reading.now,
    )


async def card(reading: Transaction, order: Order, caller: Caller) -> OrderOut:
    """The order's card as the caller sees it."""
    return OrderOut.of(order, caller, await known_of(reading, order, caller))


def parties_of(caller: Caller, order: Order) -> frozenset[Party]:
    """As whom the caller can use verbs of this order."""
    parties = set()
    if order.applicant_id == caller.id and caller.may("orders:act_own"):
        parties.add(Party.APPLICANT)
    if may_edit(caller, order):
        parties.add(Party.STAFF)
        if caller.may("orders:configure", order.kind.value):
            parties.add(Party.ADMINISTRATOR)
    return frozenset(parties)


def title_of(order: Order, directory: Directory, locale: str) -> str:
    return combined_title(
        directory.title(order.label or order.status.value, locale),
        order.money_status,
        locale,
        over_without_money=order.is_cancelled and not order.refund_due and not order.refunded,
        free=order.terms == "free",
    )


def _money(order: Order, *, as_staff: bool) -> MoneyOut:
    return MoneyOut(
        status=order.money_status,
        invoiced=order.money(order.invoiced),
        all_paid=bool(order.invoiced) and not order.open_invoices,
        paid=order.money(order.paid),
        fee=order.money(order.fee),
        refund_due=order.money(order.refund_due),
        refunded=order.money(order.refunded),
        costs=order.money(order.costs) if as_staff else None,
        invoice_number=max((item.number for item in order.invoices.values()), default=None),
        payment_url=order.payment_url,
        pay_until=order.pay_until,
        invoices=[
            InvoiceOut(id=id_, number=item.number, total=order.money(item.amount), state=item.state)
            for id_, item in sorted(order.invoices.items(), key=lambda pair: pair[1].number)
            # An invoice that staff have not shown yet is theirs alone (B17, B19).
            if as_staff or item.state != "issued" or order.terms != "postpaid"
        ],
        payments=[
            PaymentOut(
                id=id_,
                number=item.number,
                amount=order.money(item.amount),
                method=item.method,
                state=item.state,
                at=item.at,
            )
            for id_, item in sorted(order.payments.items(), key=lambda pair: pair[1].at)
        ],
        refunds=[
            RefundOut(id=id_, amount=order.money(item.amount), state=item.state, at=item.at, reason=item.reason)
            for id_, item in sorted(order.refunds.items(), key=lambda pair: pair[1].at)
        ],
    )


def _applicant(order: Order, person: Person | None) -> ApplicantOut:
    phone = None if person is None else person.phone
    return ApplicantOut(
        id=order.applicant_id,
        name=order.applicant_name if person is None else person.name,
        email=None if person is None else person.email,
        phone=phone if order.phone_shown else None,
        phone_hidden=phone is not None and not order.phone_shown,
    )


def _answers(order: Order, offering: Offering | None, caller: Caller) -> list[AnswerOut]:
    """The answers to the offering's own form (A3), with the questions as they were asked."""
    return [
        AnswerOut(
            code=code,
            label=code if offering is None else _question(offering, code, caller.locale),
            value=value if offering is None else _answer(offering, code, value, order, caller),
        )
        for code, value in order.answers.items()
    ]


def _question(offering: Offering, code: str, locale: str) -> str:
    field = offering.form.field(code)
    return code if field is None else field.label.of(locale)


def _answer(offering: Offering, code: str, value: Any, order: Order, caller: Caller) -> Any:
    field = offering.form.field(code)
    if field is None:
        return value
    own = order.applicant_id == caller.id
    if code in offering.form.phone_codes and not (own or order.phone_shown):
        return HIDDEN
    labels: Mapping[str, str] = {choice.code: choice.label.of(caller.locale) for choice in field.choices}
    if isinstance(value, list):
        return [labels.get(item, item) for item in value]
    return labels.get(value, value) if isinstance(value, str) else value


def methods_of(verb: Verb) -> str:
    """The path of a verb below the order's."""
    return verb.value.replace("_", "-")
