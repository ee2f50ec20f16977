"""Customers' accounts and the invoices that top them up (C4, C7)."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Header, Query, Request, Response
from foyer_chassis.auth import Caller, CurrentCaller, requires
from foyer_chassis.db import Transaction
from foyer_chassis.errors import ForbiddenError, NotFoundError
from foyer_chassis.http import InTransaction, Reading, etag, version_of
from foyer_chassis.idempotency import Answer, OncePerKey
from foyer_contracts.money import Currency, Money, not_negative
from pydantic import AfterValidator, BaseModel

from ..accounting import domain as ledger
from ..accounting import store as accounting
from ..accounts import use_cases as accounts
from ..balances import store as balances
from ..balances import use_cases as balancing
from ..balances.domain import CustomerAccount
from ..invoicing import store as invoices
from ..invoicing.domain import Invoice, Origin
from ..order_copies import store as copies
from ..paying.domain import CHECK, CREATE, WAKE_CHANNEL
from ..settings import Settings
from .access import READERS, After, Limit, viewer, visible_invoice, visible_order
from .invoices import InvoicePage
from .staff_invoices import CancelIn, MarkPaidIn
from .views import InvoiceOut, whole

router = APIRouter(prefix="/v1", tags=["accounts"])

KEEPERS = requires("payments:accounts")
ASKERS = requires("payments:pay_own", "payments:take", "payments:accounts")
TAKERS = requires("payments:take", "payments:accounts")


#: Minor units that are moved at once; sums of very many of these still fit everywhere.
MOST = 10**12


def positive(value: Money) -> Money:
    if value.amount <= 0:
        raise ValueError("the amount must be more than zero")
    if value.amount > MOST:
        raise ValueError(f"the amount must not be more than {MOST} minor units")
    return value


class CustomerAccountOut(BaseModel):
    """`available`: balance + credit limit. An account that never moved is shown as empty."""

    customer_id: UUID
    balance: Money
    credit_limit: Money
    available: Money
    discount_group_id: UUID | None


class CustomerAccountPage(BaseModel):
    items: list[CustomerAccountOut]
    next: UUID | None


class CreditLimitIn(BaseModel):
    credit_limit: Annotated[Money, AfterValidator(not_negative)]


class TopUpIn(BaseModel):
    """`method`: online gives a link to pay; cash and transfer are for staff who have the money. `order_id` ties it to
    an order that waits for funds (C5). `customer_id` null: the caller's own."""

    customer_id: UUID | None = None
    amount: Annotated[Money, AfterValidator(positive)]
    method: Literal["online", "cash", "transfer"] = "online"
    order_id: UUID | None = None
    legal_entity_id: UUID | None = None


class EntryOut(BaseModel):
    """A movement: `amount` came onto the balance, or went off it where it is below zero."""

    id: UUID
    kind: str
    amount: Money
    order_id: UUID | None
    booked_at: datetime


class EntryPage(BaseModel):
    items: list[EntryOut]
    next: UUID | None


def _may_see(customer_id: UUID, caller: Caller) -> None:
    """Raises NotFoundError: a customer sees only their own account."""
    if not caller.may("payments:read") and customer_id != caller.id:
        raise NotFoundError


async def _out(transaction: Transaction, account: CustomerAccount) -> CustomerAccountOut:
    customer = await copies.customer(transaction, account.customer_id)
    return CustomerAccountOut(
        customer_id=account.customer_id,
        balance=account.balance,
        credit_limit=account.credit_limit,
        available=account.available,
        discount_group_id=None if customer is None else customer.discount_group_id,
    )


async def _shown(transaction: Transaction, invoice: Invoice, caller: Caller) -> InvoiceOut:
    (shown,), _ = await whole(transaction, [invoice], caller)
    return shown


@router.get("/accounts", dependencies=[KEEPERS])
async def list_customer_accounts(
    reading: Reading,
    currency: Currency = "RUB",
    debtors_only: Annotated[bool, Query(description="with a balance below zero")] = False,
    limit: Limit = 50,
    after: After = None,
) -> CustomerAccountPage:
    """Customers' accounts in a currency."""
    found = await balances.page(reading, currency=currency, debtors_only=debtors_only, after=after, limit=limit)
    return CustomerAccountPage(
        items=[await _out(reading, item) for item in found],
        next=found[-1].customer_id if len(found) == limit else None,
    )


@router.get("/accounts/{customer_id}", dependencies=[READERS])
async def get_customer_account(
    customer_id: UUID, reading: Reading, caller: CurrentCaller, response: Response, currency: Currency = "RUB"
) -> CustomerAccountOut:
    _may_see(customer_id, caller)
    found = {item.balance.currency: item for item in await balances.of_customer(reading, customer_id)}
    nothing = Money.zero(currency)
    account = found.get(currency, CustomerAccount(customer_id, nothing, nothing, 0))
    response.headers["ETag"] = etag(account.version)
    return await _out(reading, account)


@router.put("/accounts/{customer_id}/credit-limit", dependencies=[KEEPERS])
async def set_credit_limit(
    customer_id: UUID,
    wanted: CreditLimitIn,
    transaction: InTransaction,
    response: Response,
    if_match: Annotated[str | None, Header(description="the ETag that was read")] = None,
) -> CustomerAccountOut:
    """How far the balance may go below zero. A limit below the present debt stops further charges."""
    version = version_of(if_match)
    account = await balancing.limit(transaction, customer_id, wanted.credit_limit, version=version if version else None)
    response.headers["ETag"] = etag(account.version)
    return await _out(transaction, account)


@router.get("/accounts/{customer_id}/entries", dependencies=[READERS])
async def list_entries(
    customer_id: UUID,
    reading: Reading,
    caller: CurrentCaller,
    currency: Currency = "RUB",
    limit: Limit = 50,
    before: Annotated[UUID | None, Query(description="`next` of the page before")] = None,
) -> EntryPage:
    """What moved the balance, newest first, from the ledger."""
    _may_see(customer_id, caller)
    rows = await accounting.entries(
        reading, ledger.customer(customer_id), currency=currency, before=before, limit=limit
    )
    items = [
        EntryOut(
            id=row["id"],
            kind=row["kind"],
            amount=Money(amount=-row["amount"], currency=currency),
            order_id=row["order_id"],
            booked_at=row["booked_at"],
        )
        for row in rows
    ]
    return EntryPage(items=items, next=items[-1].id if len(items) == limit else None)


@router.get("/top-ups", dependencies=[READERS])
async def list_top_ups(
    reading: Reading,
    caller: CurrentCaller,
    customer_id: UUID | None = None,
    limit: Limit = 50,
    after: After = None,
) -> InvoicePage:
    found = await invoices.page(
        reading, viewer(caller), customer_id=customer_id, origin=Origin.TOP_UP, after=after, limit=limit
    )
    shown, _ = await whole(reading, found, caller)
    return InvoicePage(items=shown, next=found[-1].id if len(found) == limit else None)


@router.post("/top-ups", status_code=201, response_model=InvoiceOut, dependencies=[ASKERS])
async def top_up(wanted: TopUpIn, once: OncePerKey, caller: CurrentCaller, request: Request) -> Response:
    """An invoice for a top-up, by the customer or by staff."""
    settings: Settings = request.app.state.settings
    staff = caller.may("payments:take") or caller.may("payments:accounts")
    customer_id = wanted.customer_id or caller.id
    if customer_id != caller.id and not staff:
        raise NotFoundError
    if wanted.method != "online" and not staff:
        raise ForbiddenError(needs="payments:take", field="method")

    async def command(transaction: Transaction) -> Answer:
        order = None
        if wanted.order_id is not None:
            order = await visible_order(transaction, wanted.order_id, caller)
            if order is None or order.applicant_id != customer_id:
                raise NotFoundError
        seller = wanted.legal_entity_id or (order.legal_entity_id if order else None)
        if wanted.method == "online":
            invoice = await accounts.ask_top_up(
                transaction,
                customer_id=customer_id,
                amount=wanted.amount,
                order=order,
                legal_entity_id=seller,
                provider=settings.payment_provider,
            )
            transaction.notify(WAKE_CHANNEL, CREATE)
        else:
            invoice = await accounts.book_top_up(
                transaction,
                customer_id=customer_id,
                amount=wanted.amount,
                order=order,
                legal_entity_id=seller,
                method=wanted.method,
                source=_source(wanted.method, order.location_id if order else None, seller),
                by=caller.id,
            )
        return Answer(await _shown(transaction, invoice, caller), 201)

    return await once.run(command)


def _source(method: str, location_id: UUID | None, legal_entity_id: UUID | None) -> str:
    return ledger.cash_desk(location_id) if method == "cash" else ledger.bank(legal_entity_id)


async def _top_up_of(transaction: Transaction, number: int, caller: Caller) -> Invoice:
    """Raises NotFoundError."""
    invoice = await visible_invoice(transaction, number, caller)
    if invoice.origin is not Origin.TOP_UP:
        raise NotFoundError
    return invoice


@router.post("/top-ups/{number}/mark-paid", response_model=InvoiceOut, dependencies=[TAKERS])
async def mark_top_up_paid(number: int, wanted: MarkPaidIn, once: OncePerKey, caller: CurrentCaller) -> Response:
    """The customer paid it in cash or by transfer after all."""

    async def command(transaction: Transaction) -> Answer:
        found = await _top_up_of(transaction, number, caller)
        invoice = await accounts.mark_top_up_paid(
            transaction,
            found.id,
            method=wanted.method,
            source=_source(wanted.method, None, found.legal_entity_id),
            by=caller.id,
        )
        transaction.notify(WAKE_CHANNEL, CHECK)
        return Answer(await _shown(transaction, invoice, caller))

    return await once.run(command)


@router.post("/top-ups/{number}/cancel", response_model=InvoiceOut, dependencies=[TAKERS])
async def cancel_top_up(number: int, wanted: CancelIn, once: OncePerKey, caller: CurrentCaller) -> Response:
    """Cancel an unpaid top-up; or one marked as paid by staff, as long as its money is not spent."""

    async def command(transaction: Transaction) -> Answer:
        found = await _top_up_of(transaction, number, caller)
        invoice, watch = await accounts.cancel_top_up(transaction, found.id, reason=wanted.reason)
        if watch:
            transaction.notify(WAKE_CHANNEL, CHECK)
        return Answer(await _shown(transaction, invoice, caller))

    return await once.run(command)
