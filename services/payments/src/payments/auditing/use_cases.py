"""Replay the ledger and compare what is kept beside it: `python -m payments ledger-check`."""

from dataclasses import dataclass

from foyer_chassis.db import Transaction

from . import store


@dataclass(frozen=True, slots=True)
class Difference:
    """Something that is kept beside the ledger and is not what the ledger says; amounts in minor units."""

    check: str
    id: str
    kept: int
    replayed: int


@dataclass(frozen=True, slots=True)
class Report:
    """What a replay found. `sums`: kind of account, currency, sum (debit +), number of postings."""

    checks: int
    differences: list[Difference]
    sums: list[tuple[str, str, int, int]]


async def replay(transaction: Transaction) -> Report:
    """Compare everything at one moment; nothing is changed."""
    await store.at_one_moment(transaction)
    found = [
        Difference(check, row["id"], row["kept"], row["replayed"])
        for check in store.CHECKS
        for row in await store.differences(transaction, check)
    ]
    sums = [(row["kind"], row["currency"], row["amount"], row["postings"]) for row in await store.sums(transaction)]
    return Report(len(store.CHECKS), found, sums)
