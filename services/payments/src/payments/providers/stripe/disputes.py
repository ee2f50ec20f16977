"""Disputes at Stripe (https://docs.stripe.com/api/disputes): answered in its dashboard, read here."""

from collections.abc import Sequence
from datetime import UTC, datetime

from foyer_contracts.money import Money
from pydantic import BaseModel, Field

from ...disputes.domain import ProviderDispute, Status
from .amounts import money
from .client import Client
from .shapes import our_id

PAGE = 100
#: Pages of a list that are read at most; what is beyond is found the next time, or told of by webhooks.
MOST_PAGES = 10

_STATUSES = {
    "warning_needs_response": Status.INQUIRY,
    "warning_under_review": Status.INQUIRY,
    "warning_closed": Status.INQUIRY_CLOSED,
    "needs_response": Status.OPEN,
    "under_review": Status.OPEN,
    "won": Status.WON,
    "prevented": Status.WON,
    "lost": Status.LOST,
}


class _Intent(BaseModel):
    metadata: dict[str, str] = {}


class _Transaction(BaseModel):
    """`fee`: assessed with it, or given back where it is negative (https://docs.stripe.com/api/balance_transactions)."""

    amount: int
    fee: int = 0
    currency: str | None = Field(default=None, pattern=r"^[a-z]{3}$")


class _Evidence(BaseModel):
    due_by: int | None = None


class _Dispute(BaseModel):
    id: str
    amount: int
    currency: str = Field(pattern=r"^[a-z]{3}$")
    status: str
    reason: str | None = Field(default=None, max_length=200)
    payment_intent: _Intent | str | None = None
    balance_transactions: list[_Transaction] = []
    evidence_details: _Evidence | None = None


class _Named(BaseModel):
    id: str


class _List(BaseModel):
    data: list[_Named]
    has_more: bool = False


class StripeDisputes:
    """What `disputes.domain.DisputeProvider` wants."""

    def __init__(self, client: Client) -> None:
        self._client = client

    async def get_dispute(self, number: str) -> ProviderDispute:
        shown = await self._client.ask("GET", f"/v1/disputes/{number}", _Dispute, query={"expand": ["payment_intent"]})
        intent = shown.payment_intent if isinstance(shown.payment_intent, _Intent) else _Intent()
        due_by = shown.evidence_details.due_by if shown.evidence_details else None
        return ProviderDispute(
            id=shown.id,
            our_payment_id=our_id(intent.metadata, "payment_id"),
            # A status of tomorrow is one that somebody has to look at.
            status=_STATUSES.get(shown.status, Status.OPEN),
            amount=money(shown.amount, shown.currency),
            # In the currency of the account: what counts is whether more went than came back.
            withdrawn=sum(item.amount for item in shown.balance_transactions) < 0,
            reason=shown.reason,
            respond_by=None if due_by is None else datetime.fromtimestamp(due_by, UTC),
            fee=_fee(shown.balance_transactions),
        )

    async def disputes_since(self, since: datetime) -> list[str]:
        numbers: list[str] = []
        for _ in range(MOST_PAGES):
            query: dict[str, object] = {"created": {"gte": int(since.timestamp())}, "limit": PAGE}
            if numbers:
                query["starting_after"] = numbers[-1]
            found = await self._client.ask("GET", "/v1/disputes", _List, query=query)
            numbers += [item.id for item in found.data]
            if not found.has_more or not found.data:
                break
        return numbers


def _fee(moved: Sequence[_Transaction]) -> Money | None:
    """What they come to, in the currency of the account; None: it is not said."""
    currencies = {item.currency for item in moved if item.currency is not None}
    if len(currencies) != 1:
        return None
    return money(sum(item.fee for item in moved), currencies.pop())
