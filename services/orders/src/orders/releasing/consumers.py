"""What releasing hears: one line per subscription."""

from foyer_chassis.consumer import Subscribe
from foyer_chassis.db import Transaction
from foyer_contracts.envelope import Event
from foyer_contracts.payments import (
    AccountDebited,
    AccountInsufficient,
    AccountToppedUp,
    InvoicePaid,
    PaymentSucceeded,
)

from . import use_cases


async def _on_debited(tx: Transaction, event: Event[AccountDebited]) -> None:
    await use_cases.debit(tx, event.data)


async def _on_insufficient(tx: Transaction, event: Event[AccountInsufficient]) -> None:
    await use_cases.wait_for_funds(tx, event.data)


async def _on_topped_up(tx: Transaction, event: Event[AccountToppedUp]) -> None:
    await use_cases.top_up(tx, event.data)


async def _on_paid(tx: Transaction, event: Event[InvoicePaid] | Event[PaymentSucceeded]) -> None:
    await use_cases.start_when_paid(tx, event.data.order_id)


#: After those of `ordering`, which take in what was paid.
SUBSCRIPTIONS = [
    Subscribe(AccountDebited, _on_debited),
    Subscribe(AccountInsufficient, _on_insufficient),
    Subscribe(AccountToppedUp, _on_topped_up),
    Subscribe(InvoicePaid, _on_paid),
    Subscribe(PaymentSucceeded, _on_paid),
]
