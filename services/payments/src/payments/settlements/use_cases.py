"""Orders are settled: whenever an order's money moved, what it brought and cost is worked out, booked and told."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from typing import Any

from foyer_chassis.db import Transaction
from foyer_contracts import payments as events
from foyer_contracts.ids import new_id
from foyer_contracts.money import Money

from ..accounting import domain as ledger
from ..accounting import store as accounting
from ..accounting.domain import Posting
from . import store
from .domain import DisputedTopUp, Settlement, TopUp, share


async def settle(transaction: Transaction, *, percents: Mapping[str, Decimal], most: int) -> int:
    """Settle orders whose money moved; how many there were. `percents`: what providers keep of a payment, by name."""
    accounts = await store.claim(transaction, most=most)
    if not accounts:
        return 0
    known = await store.settled(transaction, accounts)
    costs, changed, changes, entries = {}, [], [], []
    for account in accounts:
        before, taken = known[account["order_id"]]
        for index, payment in enumerate(taken):
            if payment.acquiring is None:
                cost = share(payment.charged, percents.get(payment.provider, Decimal(0)))
                costs[payment.payment_id] = cost
                taken[index] = replace(payment, acquiring=cost)
        after = before.after(gross=account["paid"] - account["refunded"], taken=taken)
        if not after.differs(before):
            continue
        change = _change(before, after)
        changed.append(after)
        changes.append({**change, "at": transaction.now})
        entries.append(
            accounting.Entry(
                kind="settlement",
                reference_id=change["id"],
                order_id=after.order_id,
                customer_id=None,
                at=transaction.now,
                postings=_postings(before, after),
            )
        )
        transaction.publish(
            events.SettlementPosted(
                order_id=after.order_id,
                gross=after.money(after.gross),
                acquiring=after.money(after.cost_of_acquiring),
                commission=after.money(after.commission),
                chargebacks=after.money(after.cost_of_chargebacks),
                net=after.money(after.net),
            ),
            subject=after.order_id,
            sequence=after.version,
        )
    await store.fix_acquiring(transaction, costs)
    if changed:
        await store.save(transaction, changed, changes)
        await accounting.book_many(transaction, entries)
    await store.done(transaction, [account["order_id"] for account in accounts])
    return len(accounts)


async def settle_top_ups(transaction: Transaction, *, percents: Mapping[str, Decimal], most: int) -> int:
    """Book what providers keep of online top-ups, once for each; how many there were. It is the seller's cost, as of
    any payment; what is bought from the balance later costs nothing more."""
    top_ups = await store.claim_top_ups(transaction, most=most)
    costs = {item.payment_id: share(item.charged, percents.get(item.provider, Decimal(0))) for item in top_ups}
    booked = [
        _cost(item, "acquiring", {ledger.acquiring(item.provider): costs[item.payment_id]}, at=transaction.now)
        for item in top_ups
        if costs[item.payment_id]
    ]
    await store.fix_acquiring(transaction, costs)
    await _book(transaction, booked)
    return len(top_ups)


async def settle_disputed_top_ups(transaction: Transaction, *, most: int) -> int:
    """Book what disputes about online top-ups cost, as often as that changes; how many there were. It is the seller's
    cost; what becomes of the customer's balance, people decide."""
    top_ups = await store.claim_disputed_top_ups(transaction, most=most)
    if not top_ups:
        return 0
    booked = []
    for item in top_ups:
        costs = {
            ledger.disputes(item.provider): item.charged_back,
            ledger.dispute_fees(item.provider): item.dispute_fees,
        }
        booked.append(_cost(item, "chargebacks", costs, at=transaction.now))
    await _book(transaction, booked)
    await store.charged_back(transaction, top_ups)
    return len(top_ups)


def _cost(
    item: TopUp | DisputedTopUp, of: str, costs: Mapping[str, int], *, at: datetime
) -> tuple[dict[str, Any], accounting.Entry]:
    """What a top-up cost its seller, as a line of the report and as postings; it brings nothing by itself.

    Args:
        of: which cost it is in the report.
        costs: in minor units, by account of the ledger.
    """
    total, change_id = sum(costs.values()), new_id()
    change = {
        "id": change_id,
        "top_up_id": item.payment_id,
        "legal_entity_id": item.legal_entity_id,
        "currency": item.currency,
        "gross": 0,
        **dict.fromkeys(("acquiring", "commission", "chargebacks"), 0),
        of: total,
        "net": -total,
        "at": at,
    }
    postings = [(ledger.legal_entity(item.legal_entity_id), total)]
    postings += [(account, -cost) for account, cost in costs.items()]
    entry = accounting.Entry(
        kind="settlement",
        reference_id=change_id,
        order_id=None,
        customer_id=item.customer_id,
        at=at,
        postings=[
            Posting(account, Money(amount=amount, currency=item.currency)) for account, amount in postings if amount
        ],
    )
    return change, entry


async def _book(transaction: Transaction, booked: Sequence[tuple[dict[str, Any], accounting.Entry]]) -> None:
    if booked:
        await store.note(transaction, [change for change, _ in booked])
        await accounting.book_many(transaction, [entry for _, entry in booked])


def _change(before: Settlement, after: Settlement) -> dict[str, Any]:
    return {
        "id": new_id(),
        "order_id": after.order_id,
        "order_number": after.order_number,
        "legal_entity_id": after.legal_entity_id,
        "currency": after.currency,
        "gross": after.gross - before.gross,
        "acquiring": after.cost_of_acquiring - before.cost_of_acquiring,
        "commission": after.commission - before.commission,
        "chargebacks": after.cost_of_chargebacks - before.cost_of_chargebacks,
        "net": after.net - before.net,
    }


def _postings(before: Settlement, after: Settlement) -> list[Posting]:
    seller = after.legal_entity_id
    entries = [
        (ledger.settled(after.order_id), after.gross - before.gross),
        (ledger.legal_entity(seller), before.net - after.net),
        (ledger.commission(seller), before.commission - after.commission),
        *(
            (ledger.acquiring(name), before.acquiring.get(name, 0) - after.acquiring.get(name, 0))
            for name in sorted({*before.acquiring, *after.acquiring})
        ),
        *(
            (account, before.chargebacks.get(account, 0) - after.chargebacks.get(account, 0))
            for account in sorted({*before.chargebacks, *after.chargebacks})
        ),
    ]
    return [Posting(account, after.money(amount)) for account, amount in entries if amount]
