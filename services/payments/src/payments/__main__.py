"""`python -m payments api | worker | migrate | openapi | ledger-check`."""

import asyncio
import sys

from foyer_chassis.db import Database
from foyer_chassis.process import main

from .auditing.use_cases import replay
from .service import SERVICE
from .settings import Settings


def ledger_check() -> int:
    """Replay the ledger; 0 when all agrees, 1 with a line for each difference."""

    async def check() -> int:
        database = Database(Settings().database_url, pool_size=1)
        try:
            async with database.transaction() as transaction:
                report = await replay(transaction)
        finally:
            await database.close()
        for kind, currency, amount, postings in report.sums:
            print(f"{kind:<16} {currency} {amount:>20} in {postings} postings")
        for item in report.differences:
            print(f"DIFFERS: {item.check}: {item.id}: kept {item.kept}, the ledger says {item.replayed}")
        print(f"{report.checks} checks, {len(report.differences)} differences")
        return 1 if report.differences else 0

    return asyncio.run(check())


if __name__ == "__main__":
    sys.exit(ledger_check() if sys.argv[1:] == ["ledger-check"] else main(SERVICE))
