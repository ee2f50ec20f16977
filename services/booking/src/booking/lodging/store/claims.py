"""Which unit is taken when, and which is free."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from asyncpg import Range
from foyer_chassis.db import Direct, Transaction
from foyer_contracts.ids import new_id
from sqlalchemy.dialects.postgresql import TSTZRANGE

from ...claiming.domain import PlacesTakenError
from ..domain import Lodging, Unit, Wish
from ..tables import claims, units
from .plans import unit_of

_FREE_UNITS = (
    sa.select(units)
    .where(
        units.c.group_id == sa.bindparam("group"),
        ~units.c.blocked,
        sa.or_(sa.bindparam("unit", type_=sa.Uuid).is_(None), units.c.id == sa.bindparam("unit")),
        sa.or_(sa.bindparam("zone", type_=sa.Text).is_(None), units.c.zone == sa.bindparam("zone")),
        ~sa.exists().where(
            claims.c.unit_id == units.c.id,
            claims.c.active,
            claims.c.during.op("&&")(sa.bindparam("during", type_=TSTZRANGE)),
        ),
    )
    .order_by(units.c.position, units.c.id)
    .limit(sa.bindparam("most", type_=sa.Integer))
)
# Who is there at that time is found by an index of the group's lodgings, and their units from there: one walk for all
# units instead of a look for each. What a lodging has taken never reaches beyond its own time. IS TRUE keeps the other
# index, which knows no groups, out of it. What is kept before there is an order are few.
_TAKEN = """
    SELECT claim.unit_id, claim.during, lodging.group_id
    FROM lodgings AS lodging
    JOIN lodging_claims AS claim ON claim.lodging_id = lodging.id AND claim.active
    WHERE lodging.group_id = ANY(CAST(:groups AS uuid[]))
        AND tstzrange(lodging.starts_at, lodging.ends_at) && tstzrange(:begin, :end)
        AND lodging.status IN ('held', 'confirmed', 'active')
        AND (claim.during && tstzrange(:begin, :end)) IS TRUE
    UNION ALL
    SELECT claim.unit_id, claim.during, offer.group_id
    FROM lodging_offers AS offer JOIN lodging_claims AS claim ON claim.offer_id = offer.id
    WHERE offer.group_id = ANY(CAST(:groups AS uuid[])) AND offer.status = 'open'
        AND (claim.during && tstzrange(:begin, :end)) IS TRUE
"""
_INSTANTS = [sa.bindparam(name, type_=sa.DateTime(timezone=True)) for name in ("begin", "end")]
_FREE_LIST = sa.text(
    f"""
    WITH taken AS MATERIALIZED ({_TAKEN})
    SELECT unit.* FROM lodging_units AS unit
    WHERE unit.group_id = ANY(CAST(:groups AS uuid[])) AND NOT unit.blocked AND NOT unit.overbooked
        AND NOT EXISTS (SELECT FROM taken WHERE taken.unit_id = unit.id)
        AND (CAST(:after AS uuid) IS NULL OR (unit.position, unit.id) > (
            SELECT last.position, last.id FROM lodging_units AS last WHERE last.id = :after
        ))
    ORDER BY unit.position, unit.id
    LIMIT :limit
"""  # noqa: S608 - of our own text only
).bindparams(*_INSTANTS)
# DO NOTHING covers the exclusion constraint, and waits for a rival that may roll back.
_CLAIM = sa.text("""
    INSERT INTO lodging_claims (id, lodging_id, offer_id, unit_id, during, active)
    SELECT id, CAST(:lodging AS uuid), CAST(:offer AS uuid), unit_id, tstzrange(:starts_at, :ends_at), true
    FROM unnest(CAST(:ids AS uuid[]), CAST(:units AS uuid[])) AS new (id, unit_id)
    ON CONFLICT DO NOTHING
    RETURNING id
""").bindparams(
    sa.bindparam("starts_at", type_=sa.DateTime(timezone=True)),
    sa.bindparam("ends_at", type_=sa.DateTime(timezone=True)),
)
# What lies ahead is free; what was, stays as history. A claim that had not begun keeps the time it was for.
_UNCLAIM = sa.text("""
    UPDATE lodging_claims SET active = false, during = CASE
        WHEN lower(during) < :now THEN tstzrange(lower(during), least(upper(during), :now)) ELSE during END
    WHERE lodging_id = ANY(CAST(:lodgings AS uuid[])) AND active
        AND (CAST(:unit AS uuid) IS NULL OR unit_id = :unit)
""").bindparams(sa.bindparam("now", type_=sa.DateTime(timezone=True)))
_RETIME = sa.text("""
    UPDATE lodging_claims SET during = tstzrange(
        CASE WHEN lower(during) = :old_start THEN :new_start ELSE lower(during) END, :new_end)
    WHERE lodging_id = CAST(:lodging AS uuid) AND active
""").bindparams(
    *(sa.bindparam(name, type_=sa.DateTime(timezone=True)) for name in ("old_start", "new_start", "new_end"))
)
_GIVE = sa.text("""
    UPDATE lodging_claims SET lodging_id = CAST(:lodging AS uuid), offer_id = NULL
    WHERE offer_id = CAST(:offer AS uuid)
    RETURNING unit_id
""")
_GIVE_BACK = sa.text("DELETE FROM lodging_claims WHERE offer_id = ANY(CAST(:offers AS uuid[]))")
# Whether fewer units are left than are wanted, and for whom some of the group are kept.
_IS_TAKEN = """
    SELECT count(*) < $6 AS taken, ARRAY(
        SELECT DISTINCT applicant_id FROM lodging_offers WHERE group_id = $1 AND status = 'open'
    ) AS kept_for FROM (
        SELECT FROM lodging_units AS unit
        WHERE unit.group_id = $1 AND NOT unit.blocked AND ($2::uuid IS NULL OR unit.id = $2)
            AND ($3::text IS NULL OR unit.zone = $3)
            AND NOT EXISTS (
                SELECT FROM lodging_claims AS claim
                WHERE claim.unit_id = unit.id AND claim.active AND claim.during && tstzrange($4, $5)
            )
        LIMIT $6
    ) AS free
"""
_CLAIMED_UNITS = (
    sa.select(units)
    .join(claims, claims.c.unit_id == units.c.id)
    .where(claims.c.lodging_id == sa.bindparam("lodging"), claims.c.active)
    .order_by(units.c.position, units.c.id)
)
_TAKEN_NIGHTS = sa.text(
    f"""
    WITH taken AS MATERIALIZED ({_TAKEN}), unit AS MATERIALIZED (
        SELECT id, overbooked FROM lodging_units
        WHERE group_id = ANY(CAST(:groups AS uuid[])) AND (overbooked OR NOT blocked)
    )
    SELECT night.group_id, night.position, unit.overbooked, count(DISTINCT taken.unit_id) AS units
    FROM unnest(
        CAST(:of AS uuid[]), CAST(:positions AS int[]), CAST(:begins AS timestamptz[]), CAST(:ends AS timestamptz[])
    ) AS night (group_id, position, begins_at, ends_at)
    JOIN taken ON taken.group_id = night.group_id AND taken.during && tstzrange(night.begins_at, night.ends_at)
    JOIN unit ON unit.id = taken.unit_id
    GROUP BY night.group_id, night.position, unit.overbooked
"""  # noqa: S608 - of our own text only
).bindparams(*_INSTANTS)


async def taken_from_all_but(direct: Direct, wish: Wish) -> frozenset[UUID] | None:
    """None: it can be had, as far as one query without a lock can tell. Else the customers for whom some of the group
    is kept, who may be the ones that have it."""
    row = await direct.row(_IS_TAKEN, wish.group_id, wish.unit_id, wish.zone, wish.starts_at, wish.ends_at, wish.rooms)
    assert row is not None
    return frozenset(row["kept_for"]) if row["taken"] else None


async def free_units(
    transaction: Transaction,
    group_id: UUID,
    starts_at: datetime,
    ends_at: datetime,
    *,
    unit_id: UUID | None = None,
    zone: str | None = None,
    most: int | None = None,
) -> list[Unit]:
    """Units that nobody has at that time, in the order in which they are given out; `most`: the first so many."""
    during = Range(starts_at, ends_at)
    parameters = {"group": group_id, "unit": unit_id, "zone": zone, "during": during, "most": most}
    return [unit_of(row) for row in await transaction.all(_FREE_UNITS, parameters)]


async def free_list(
    transaction: Transaction,
    group_id: UUID,
    starts_at: datetime,
    ends_at: datetime,
    *,
    after: UUID | None,
    limit: int,
) -> list[Unit]:
    """Units that are there and that nobody has at that time, in the order in which they are given out."""
    parameters = {"groups": [group_id], "begin": starts_at, "end": ends_at, "after": after, "limit": limit}
    return [unit_of(row) for row in await transaction.all(_FREE_LIST, parameters)]


async def claim(
    transaction: Transaction, lodging_id: UUID, taken: Sequence[Unit], starts_at: datetime, ends_at: datetime
) -> bool:
    """Take units for a lodging; False: at least one of them is somebody else's, and some may have been taken."""
    return await _claim(transaction, taken, starts_at, ends_at, lodging=lodging_id)


async def claim_for_offer(
    transaction: Transaction, offer_id: UUID, taken: Sequence[Unit], starts_at: datetime, ends_at: datetime
) -> bool:
    """As `claim`, before there is a lodging."""
    return await _claim(transaction, taken, starts_at, ends_at, offer=offer_id)


async def _claim(
    transaction: Transaction,
    taken: Sequence[Unit],
    starts_at: datetime,
    ends_at: datetime,
    *,
    lodging: UUID | None = None,
    offer: UUID | None = None,
) -> bool:
    result = await transaction.execute(
        _CLAIM,
        {
            "lodging": lodging,
            "offer": offer,
            "ids": [new_id() for _ in taken],
            "units": [unit.id for unit in taken],
            "starts_at": starts_at,
            "ends_at": ends_at,
        },
    )
    return len(result.scalars().all()) == len(taken)


async def give(transaction: Transaction, offer_id: UUID, lodging_id: UUID) -> int:
    """The units of an offer are a lodging's, without being free between; how many there were."""
    return len(await transaction.all(_GIVE, {"offer": offer_id, "lodging": lodging_id}))


async def give_back(transaction: Transaction, offer_ids: Sequence[UUID]) -> None:
    """The units of these offers are free."""
    if offer_ids:
        await transaction.execute(_GIVE_BACK, {"offers": list(offer_ids)})


async def unclaim(transaction: Transaction, lodging_ids: Sequence[UUID], *, unit_id: UUID | None = None) -> None:
    """Units of these lodgings are free from now on; `unit_id`: only that one."""
    if lodging_ids:
        await transaction.execute(_UNCLAIM, {"lodgings": list(lodging_ids), "unit": unit_id, "now": transaction.now})


async def retime(transaction: Transaction, before: Lodging, after: Lodging) -> None:
    """Its units are taken for another time, in one step. Raises PlacesTakenError."""
    parameters = {
        "lodging": before.id,
        "old_start": before.starts_at,
        "new_start": after.starts_at,
        "new_end": after.ends_at,
    }
    try:
        async with transaction.connection.begin_nested():
            await transaction.execute(_RETIME, parameters)
    except sa.exc.IntegrityError as error:
        if "lodging_claims_no_two_overlap" in str(error.orig):
            raise PlacesTakenError(place=before.place) from None
        raise


async def claimed_units(transaction: Transaction, lodging_id: UUID) -> list[Unit]:
    return [unit_of(row) for row in await transaction.all(_CLAIMED_UNITS, {"lodging": lodging_id})]


async def taken_nights(
    transaction: Transaction, nights: Mapping[UUID, Sequence[tuple[datetime, datetime]]]
) -> dict[tuple[UUID, int, bool], int]:
    """(group, number of the night, whether overbooked) → how many of its bookable units somebody has in that night.

    Args:
        nights: of each group, from when until when each night is, in order.
    """
    each = [(id_, number, *night) for id_, of_group in nights.items() for number, night in enumerate(of_group)]
    rows = await transaction.all(
        _TAKEN_NIGHTS,
        {
            "groups": list(nights),
            "begin": min(begin for _, _, begin, _ in each),
            "end": max(end for _, _, _, end in each),
            "of": [id_ for id_, _, _, _ in each],
            "positions": [number for _, number, _, _ in each],
            "begins": [begin for _, _, begin, _ in each],
            "ends": [end for _, _, _, end in each],
        },
    )
    return {(row["group_id"], row["position"], row["overbooked"]): row["units"] for row in rows}
