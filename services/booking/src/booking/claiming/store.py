from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import Any, cast
from uuid import UUID

import sqlalchemy as sa
from asyncpg import Range
from foyer_chassis.db import Transaction
from sqlalchemy.dialects.postgresql import TSTZRANGE

from .domain import Claim, Freed, Owner, Taken
from .tables import slot_claims

# DO NOTHING covers the exclusion constraint, and waits for a rival that may roll back. A plain INSERT deadlocks when
# many want one place.
CLAIMED = """
    claimed AS (
        INSERT INTO slot_claims (owner, owner_id, occurrence, resource_id, place, blocked)
        SELECT owner, owner_id, occurrence, resource_id, place, tstzrange(starts_at, ends_at)
        FROM unnest(
            CAST(:claim_owners AS text[]), CAST(:claim_owner_ids AS uuid[]), CAST(:claim_occurrences AS smallint[]),
            CAST(:claim_resources AS uuid[]), CAST(:claim_places AS integer[]), CAST(:claim_starts AS timestamptz[]),
            CAST(:claim_ends AS timestamptz[])
        ) AS new (owner, owner_id, occurrence, resource_id, place, starts_at, ends_at)
        ON CONFLICT DO NOTHING
        RETURNING owner_id
    )
"""
_CLAIM = sa.text(f"WITH {CLAIMED} SELECT owner_id FROM claimed")  # noqa: S608 (constants)
_FREE = sa.text("""
    DELETE FROM slot_claims
    WHERE owner_id = ANY(CAST(:owners AS uuid[]))
        AND (CAST(:occurrences AS smallint[]) IS NULL OR occurrence = ANY(CAST(:occurrences AS smallint[])))
    RETURNING resource_id, lower(blocked) AS starts_at, upper(blocked) AS ends_at
""")
_GIVE = sa.text("""
    UPDATE slot_claims SET owner = :owner, owner_id = CAST(:new_owner AS uuid)
    WHERE owner_id = CAST(:old_owner AS uuid)
    RETURNING resource_id
""")
_FORGET_OF = sa.text("""
    DELETE FROM slot_claims WHERE owner_id = ANY(CAST(:owners AS uuid[])) AND upper(blocked) <= :now
""").bindparams(sa.bindparam("now", type_=sa.DateTime(timezone=True)))
_FORGET = sa.text("DELETE FROM slot_claims WHERE upper(blocked) <= :now").bindparams(
    sa.bindparam("now", type_=sa.DateTime(timezone=True))
)
_TAKEN = (
    sa.select(
        slot_claims.c.resource_id,
        slot_claims.c.place,
        sa.func.lower(slot_claims.c.blocked).label("starts_at"),
        sa.func.upper(slot_claims.c.blocked).label("ends_at"),
    )
    .where(
        slot_claims.c.resource_id.in_(sa.bindparam("resources", expanding=True)),
        slot_claims.c.blocked.op("&&")(sa.bindparam("during", type_=TSTZRANGE)),
    )
    .order_by(slot_claims.c.resource_id, sa.text("starts_at"))
)
_TAKEN_BUT = _TAKEN.where(
    sa.not_(
        sa.and_(
            slot_claims.c.owner_id == sa.bindparam("but_owner"),
            slot_claims.c.occurrence.in_(sa.bindparam("but_occurrences", expanding=True)),
        )
    )
)
_IN_USE = sa.text("""
    SELECT EXISTS (
        SELECT FROM slot_claims
        WHERE resource_id = ANY(CAST(:resources AS uuid[])) AND place > :above AND upper(blocked) > :now
    )
""").bindparams(sa.bindparam("now", type_=sa.DateTime(timezone=True)))


def lock_statement(source: str) -> sa.TextClause:
    """A statement that locks the resources whose ids `source` selects, with all that share places with them: their
    parts, the wholes that these are parts of, and all parts of those. In one order, so that two who lock never wait
    for each other."""
    return sa.text(f"""
        WITH wanted AS ({source}),
        leaves AS (
            SELECT id FROM wanted UNION SELECT part_id FROM resource_parts JOIN wanted ON whole_id = id
        ),
        wholes AS (SELECT DISTINCT whole_id AS id FROM resource_parts JOIN leaves ON part_id = leaves.id),
        everything AS (
            SELECT id FROM leaves UNION SELECT id FROM wholes
            UNION SELECT part_id FROM resource_parts JOIN wholes ON whole_id = wholes.id
        )
        SELECT pg_advisory_xact_lock(key)
        FROM (SELECT DISTINCT hashtextextended(id::text, 0) AS key FROM everything ORDER BY key) AS in_order
    """)  # noqa: S608 (the sources are constants)


_LOCK = lock_statement("SELECT unnest(CAST(:resources AS uuid[])) AS id")


async def lock(transaction: Transaction, resource_ids: Collection[UUID]) -> None:
    """Whoever takes, moves or hands on places of a resource is alone at it until the end of the transaction. To be
    called once, before any row is locked, with everything that will be touched."""
    if resource_ids:
        await transaction.execute(_LOCK, {"resources": list(resource_ids)})


def columns_of(claims: Sequence[Claim]) -> dict[str, list[Any]]:
    """Parameters of `CLAIMED`."""
    return {
        "claim_owners": [claim.owner.value for claim in claims],
        "claim_owner_ids": [claim.owner_id for claim in claims],
        "claim_occurrences": [claim.occurrence for claim in claims],
        "claim_resources": [claim.resource_id for claim in claims],
        "claim_places": [claim.place for claim in claims],
        "claim_starts": [claim.starts_at for claim in claims],
        "claim_ends": [claim.ends_at for claim in claims],
    }


async def claim(transaction: Transaction, claims: Sequence[Claim]) -> set[UUID]:
    """Take places; the owners that got all of theirs. What others got a part of is free again."""
    if not claims:
        return set()
    wanted: dict[UUID, int] = {}
    for each in claims:
        wanted[each.owner_id] = wanted.get(each.owner_id, 0) + 1
    result = await transaction.execute(_CLAIM, columns_of(claims))
    got: dict[UUID, int] = {}
    for owner_id in result.scalars():
        got[owner_id] = got.get(owner_id, 0) + 1
    if short := [owner_id for owner_id, count in got.items() if count < wanted[owner_id]]:
        await free(transaction, short)
    return {owner_id for owner_id, count in got.items() if count == wanted[owner_id]}


async def free(
    transaction: Transaction, owner_ids: Sequence[UUID], *, occurrences: Sequence[int] | None = None
) -> list[Freed]:
    """What these owners have is free: all of it, or that of some occurrences."""
    if not owner_ids:
        return []
    parameters = {"owners": list(owner_ids), "occurrences": None if occurrences is None else list(occurrences)}
    return [Freed(**row) for row in await transaction.all(_FREE, parameters)]


async def give(transaction: Transaction, old_owner: UUID, owner: Owner, new_owner: UUID) -> bool:
    """What one has is another's, without being free between; whether there was anything."""
    parameters = {"owner": owner.value, "old_owner": old_owner, "new_owner": new_owner}
    return bool(await transaction.all(_GIVE, parameters))


async def forget(transaction: Transaction, owner_ids: Sequence[UUID] | None = None) -> int:
    """Drop what lies wholly in the past; how much there was."""
    if owner_ids is None:
        return (await transaction.execute(_FORGET, {"now": transaction.now})).rowcount
    parameters = {"owners": list(owner_ids), "now": transaction.now}
    return (await transaction.execute(_FORGET_OF, parameters)).rowcount


async def taken(
    transaction: Transaction,
    resource_ids: Collection[UUID],
    starts_at: datetime,
    ends_at: datetime,
    *,
    but: tuple[UUID, Collection[int]] | None = None,
) -> dict[UUID, list[Taken]]:
    """What is taken of each resource and touches this time, in order of its beginnings.

    `but`: an owner and occurrences whose places do not count.
    """
    found: dict[UUID, list[Taken]] = {id_: [] for id_ in resource_ids}
    parameters: dict[str, Any] = {"resources": list(resource_ids), "during": Range(starts_at, ends_at)}
    if but is not None:
        parameters |= {"but_owner": but[0], "but_occurrences": list(but[1])}
    # Thousands of rows for a month of many resources: unpacked they take a third of the time.
    result = await transaction.execute(_TAKEN if but is None else _TAKEN_BUT, parameters)
    rows = cast("Iterable[tuple[UUID, int, datetime, datetime]]", result)
    for resource_id, place, begins, ends in rows:
        found[resource_id].append((place, begins, ends))
    return found


async def in_use(transaction: Transaction, resource_ids: Collection[UUID], *, above: int = 0) -> bool:
    """Whether places with a number above that are taken for a time that is not over."""
    parameters = {"resources": list(resource_ids), "above": above, "now": transaction.now}
    return bool((await transaction.execute(_IN_USE, parameters)).scalar_one())
