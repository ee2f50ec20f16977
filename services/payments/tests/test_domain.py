"""The rules without anything around them: every status × verb, pauses, and shares."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from foyer_contracts.ids import new_id
from foyer_contracts.money import Money
from hypothesis import given, settings
from hypothesis import strategies as st
from payments.accounting.domain import OrderAccount, allot, moved
from payments.invoicing import domain as invoicing
from payments.paying import domain as paying
from payments.refunding import domain as refunding

INVOICE = {
    "draft": {"activate": "issued", "settle": "paid", "cancel": "cancelled"},
    "issued": {"settle": "paid", "cancel": "cancelled"},
    "paid": {"revoke": "cancelled"},
    "cancelled": {},
}
PAYMENT = {
    "creating": {
        "open": "pending",
        "succeed": "succeeded",
        "refuse": "failed",
        "expire": "cancelled",
        "withdraw": "cancelled",
        "cancel": "watched",
    },
    "pending": {"succeed": "succeeded", "refuse": "failed", "expire": "cancelled", "cancel": "watched"},
    "watched": {"open": "watched", "succeed": "succeeded", "refuse": "cancelled", "expire": "cancelled"},
    "succeeded": {},
    "cancelled": {},
    "failed": {},
}
REFUND = {
    "requested": {"start": "in_progress", "put_back": "requested", "fail": "failed"},
    "in_progress": {"succeed": "succeeded", "put_back": "requested", "fail": "failed"},
    "succeeded": {"bounce": "failed"},
    "failed": {"retry": "requested", "bring_to_desk": "at_desk"},
    "at_desk": {"hand_out": "succeeded"},
}


def cells(module: Any, table: Any) -> Any:
    assert set(table) == set(module.Status)
    return [
        pytest.param(module, status, verb, table[status].get(verb), id=f"{module.__name__}-{status}-{verb}")
        for status in module.Status
        for verb in module.Verb
    ]


@pytest.mark.parametrize(
    ("module", "status", "verb", "expected"),
    [*cells(invoicing, INVOICE), *cells(paying, PAYMENT), *cells(refunding, REFUND)],
)
def test_every_status_and_verb(module: Any, status: Any, verb: Any, expected: Any) -> None:
    if expected is None:
        with pytest.raises((invoicing.InvoiceStateError, paying.PaymentStateError, refunding.RefundStateError)) as it:
            module.move(status, verb)
        assert it.value.members == {"state": status.value, "verb": verb.value}
    else:
        assert module.move(status, verb) == expected


def test_pauses_between_looks_grow_within_bounds() -> None:
    pace = paying.Pace(first=timedelta(seconds=3), longest=timedelta(minutes=5))
    ages = [timedelta(seconds=n) for n in (0, 4, 60, 599, 86400)]
    assert [pace.after(age).total_seconds() for age in ages] == [3, 3, 30, 299.5, 300]


def test_patience_ends() -> None:
    patience = refunding.Patience((timedelta(seconds=5), timedelta(seconds=30)))
    assert [patience.after(attempts) for attempts in (1, 2, 3)] == [timedelta(seconds=5), timedelta(seconds=30), None]


amounts = st.integers(min_value=0, max_value=10**9)


def rub(amount: int) -> Money:
    return Money(amount=amount, currency="RUB")


@given(asked=amounts, left=st.lists(amounts, max_size=5))
def test_shares_come_to_what_was_asked_and_never_exceed_what_is_left(asked: Any, left: Any) -> None:
    payments = [(UUID(int=n), rub(amount)) for n, amount in enumerate(left)]
    shares = allot(rub(asked), payments)
    assert sum(share.amount for _, share in shares) == min(asked, sum(left))
    assert all(0 < share.amount <= dict(payments)[id_].amount for id_, share in shares)


@settings(max_examples=200)
@given(steps=st.lists(st.tuples(st.sampled_from(["receive", "grant", "pay_back"]), amounts), max_size=20))
def test_an_account_never_promises_more_than_came_in(steps: Any) -> None:
    account = OrderAccount(uuid4(), 1, uuid4(), rub(0), rub(0), rub(0), None, 1, rub(0))
    for verb, amount in steps:
        if verb == "receive":
            account = account.receive(rub(amount))
        elif verb == "grant":
            account, granted = account.grant_refund(rub(amount))
            assert 0 <= granted.amount <= amount
        else:
            account = account.pay_back(rub(min(amount, account.pending_refund.amount)))
        assert account.refunded.amount + account.pending_refund.amount <= account.paid.amount


@given(amount=st.integers(-(10**9), 10**9), extra=amounts)
def test_postings_sum_to_zero(amount: Any, extra: Any) -> None:
    for surcharge in (None, ("surcharge:main", rub(extra))):
        entries = moved("provider:yookassa", "order:1", rub(amount), surcharge=surcharge)
        assert sum(item.amount.amount for item in entries) == 0
        assert all(item.amount.amount for item in entries)


def test_a_refund_gets_a_new_key_only_after_a_definite_refusal() -> None:
    now = datetime(2026, 12, 1, tzinfo=UTC)
    id_ = new_id()
    refund = refunding.Refund(
        id=id_,
        payment_id=new_id(),
        order_id=new_id(),
        order_number=1,
        applicant_id=new_id(),
        provider="yookassa",
        provider_payment_id="x",
        amount=rub(100),
        surcharge=rub(0),
        source="provider:yookassa",
        receipt=None,
        note=None,
        reason="customer_request",
        status=refunding.Status.REQUESTED,
        provider_refund_id=None,
        provider_key=str(id_),
        key_used_at=now,
        attempts=0,
        failure=None,
        next_at=now,
        requested_at=now,
        started_at=None,
        finished_at=None,
        caused_by=None,
        traceparent=None,
        version=1,
    )
    patience = refunding.Patience((timedelta(seconds=5),))
    unknown = refund.miss("ReadTimeout", now, patience, definite=False)
    assert (unknown.provider_key, unknown.key_used_at) == (str(id_), now)
    refused = refund.miss("insufficient_funds", now, patience, definite=True)
    assert refused.provider_key != str(id_)
    assert len(refused.provider_key) <= 64
    assert refused.key_used_at is None
    failed = unknown.miss("ReadTimeout", now, patience, definite=False)
    assert failed.status is refunding.Status.FAILED
    assert failed.retry(now).provider_key == str(id_)
    assert failed.retry(now).attempts == 0
    assert not failed.may_have_been_forgotten(now + timedelta(hours=22))
    assert failed.may_have_been_forgotten(now + timedelta(hours=24))
