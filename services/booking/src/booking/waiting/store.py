from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from foyer_chassis.db import Direct, Transaction
from sqlalchemy.dialects.postgresql import insert

from ..claiming.domain import Freed
from .domain import LIVE, Entry, EntryStatus, Offer, OfferStatus
from .tables import waiting_entries, waiting_offers

_INSTANT = sa.DateTime(timezone=True)
_LIVE = waiting_entries.c.status.in_(sorted(LIVE))
_ADD = insert(waiting_entries).on_conflict_do_nothing().returning(waiting_entries.c.id)
_SAME = sa.select(waiting_entries).where(
    waiting_entries.c.applicant_id == sa.bindparam("applicant"),
    waiting_entries.c.resource_id == sa.bindparam("resource"),
    waiting_entries.c.starts_at == sa.bindparam("starts_at"),
    waiting_entries.c.ends_at == sa.bindparam("ends_at"),
    _LIVE,
)
_COUNT = (
    sa.select(sa.func.count())
    .select_from(waiting_entries)
    .where(
        waiting_entries.c.applicant_id == sa.bindparam("applicant"),
        _LIVE,
        waiting_entries.c.starts_at > sa.bindparam("now", type_=_INSTANT),
    )
)
_BY_ID = sa.select(waiting_entries).where(waiting_entries.c.id == sa.bindparam("entry"))
_BY_ID_LOCKED = _BY_ID.with_for_update()
# Who waits for a time that is free again, or for a whole that it is a part of; first come first.
_WAITING_FOR = sa.text("""
    WITH freed AS (
        SELECT * FROM unnest(CAST(:resources AS uuid[]), CAST(:starts AS timestamptz[]), CAST(:ends AS timestamptz[]))
            AS each (resource_id, starts_at, ends_at)
    ),
    wanted AS (
        SELECT resource_id, starts_at, ends_at FROM freed
        UNION SELECT whole_id, starts_at, ends_at FROM freed JOIN resource_parts ON part_id = resource_id
    )
    SELECT entry.* FROM waiting_entries AS entry JOIN resources ON resources.id = entry.resource_id
    WHERE entry.status = 'waiting' AND entry.starts_at > :now
        AND entry.resource_id IN (SELECT resource_id FROM wanted)
        AND EXISTS (
            SELECT FROM wanted
            WHERE wanted.resource_id = entry.resource_id
                AND wanted.starts_at < entry.ends_at + make_interval(mins => buffer_after_minutes)
                AND wanted.ends_at > entry.starts_at - make_interval(mins => buffer_before_minutes)
        )
    ORDER BY entry.id
    LIMIT :most
    FOR UPDATE OF entry
""").bindparams(sa.bindparam("now", type_=_INSTANT))
_SET_STATUS = sa.text("UPDATE waiting_entries SET status = :status WHERE id = ANY(CAST(:entries AS uuid[]))")
_OFFER_LOCKED = sa.select(waiting_offers).where(waiting_offers.c.id == sa.bindparam("offer")).with_for_update()
_OPEN_OFFER = (
    sa.select(waiting_offers)
    .where(waiting_offers.c.entry_id == sa.bindparam("entry"), waiting_offers.c.status == OfferStatus.OPEN)
    .with_for_update()
)
_OPEN_OF_APPLICANT = (
    sa.select(waiting_offers)
    .where(
        waiting_offers.c.applicant_id == sa.bindparam("applicant"),
        waiting_offers.c.status == OfferStatus.OPEN,
        waiting_offers.c.expires_at > sa.bindparam("now", type_=_INSTANT),
    )
    .order_by(waiting_offers.c.id)
    .limit(sa.bindparam("most"))
)
_OFFER = sa.select(waiting_offers).where(waiting_offers.c.id == sa.bindparam("offer"))
# Of a resource with one place: whether somebody has some of that time, and for whom some of it is kept.
_IS_TAKEN = """
    SELECT count(*) > 0 AS taken, array_agg(applicant_id) FILTER (WHERE applicant_id IS NOT NULL) AS kept_for
    FROM slot_claims AS claim
    JOIN resources ON resources.id = claim.resource_id
    LEFT JOIN waiting_offers AS offer ON offer.id = claim.owner_id
    WHERE claim.resource_id = $1 AND capacity = 1 AND claim.blocked && tstzrange($2, $3)
"""
_DUE = (
    sa.select(waiting_offers.c.id, waiting_offers.c.resource_id)
    .where(
        waiting_offers.c.status == OfferStatus.OPEN, waiting_offers.c.expires_at <= sa.bindparam("now", type_=_INSTANT)
    )
    .order_by(waiting_offers.c.expires_at)
    .limit(sa.bindparam("most"))
)
_EXPIRE = (
    sa.update(waiting_offers)
    .where(
        waiting_offers.c.id.in_(sa.bindparam("offers", expanding=True)),
        waiting_offers.c.status == OfferStatus.OPEN,
        waiting_offers.c.expires_at <= sa.bindparam("now", type_=_INSTANT),
    )
    .values(status=OfferStatus.EXPIRED.value, version=waiting_offers.c.version + 1)
    .returning(*waiting_offers.c)
)
_SET_OFFER = (
    sa.update(waiting_offers)
    .where(waiting_offers.c.id == sa.bindparam("offer"))
    .values(status=sa.bindparam("new_status"), order_id=sa.bindparam("new_order"), version=sa.bindparam("new_version"))
)
_before = waiting_entries.alias("before")
_POSITION = (
    sa.select(sa.func.count() + 1)
    .where(
        _before.c.resource_id == waiting_entries.c.resource_id,
        _before.c.status == EntryStatus.WAITING,
        _before.c.starts_at < waiting_entries.c.ends_at,
        _before.c.ends_at > waiting_entries.c.starts_at,
        _before.c.id < waiting_entries.c.id,
    )
    .correlate(waiting_entries)
    .scalar_subquery()
)
_LISTED = (
    sa.select(
        waiting_entries,
        sa.case((waiting_entries.c.status == EntryStatus.WAITING, _POSITION)).label("position"),
        waiting_offers.c.id.label("offer_id"),
        waiting_offers.c.expires_at.label("offer_expires_at"),
    )
    .join_from(
        waiting_entries,
        waiting_offers,
        sa.and_(waiting_offers.c.entry_id == waiting_entries.c.id, waiting_offers.c.status == OfferStatus.OPEN),
        isouter=True,
    )
    .where(
        waiting_entries.c.starts_at > sa.bindparam("now", type_=_INSTANT), waiting_entries.c.id > sa.bindparam("after")
    )
    .order_by(waiting_entries.c.id)
    .limit(sa.bindparam("limit"))
)
_OF_APPLICANT = _LISTED.where(waiting_entries.c.applicant_id == sa.bindparam("applicant"))
_OF_RESOURCE = _LISTED.where(waiting_entries.c.resource_id == sa.bindparam("resource"), _LIVE)
_ONE_LISTED = _LISTED.where(waiting_entries.c.id == sa.bindparam("entry"))
_FIRST_ID = UUID(int=0)


@dataclass(frozen=True, slots=True)
class Listed:
    """Who waits, as lists show it.

    Attributes:
        position: 1 is the first of those who wait for that time; None: no longer waiting.
    """

    entry: Entry
    position: int | None
    offer_id: UUID | None
    offer_expires_at: datetime | None


def _entry(row: sa.RowMapping) -> Entry:
    values = {name: row[name] for name in waiting_entries.c.keys()}  # noqa: SIM118 (a column collection)
    return Entry(**{**values, "status": EntryStatus(row["status"])})


def _offer(row: sa.RowMapping) -> Offer:
    return Offer(**{**row, "status": OfferStatus(row["status"])})


def _listed(row: sa.RowMapping) -> Listed:
    return Listed(_entry(row), row["position"], row["offer_id"], row["offer_expires_at"])


async def add(transaction: Transaction, entry: Entry) -> Entry:
    """The entry, or the one with which the customer waits for that already."""
    result = await transaction.execute(_ADD, {**asdict(entry), "status": entry.status.value})
    if result.scalar_one_or_none() is not None:
        return entry
    parameters = {
        "applicant": entry.applicant_id,
        "resource": entry.resource_id,
        "starts_at": entry.starts_at,
        "ends_at": entry.ends_at,
    }
    (row,) = await transaction.all(_SAME, parameters)
    return _entry(row)


async def how_many(transaction: Transaction, applicant_id: UUID) -> int:
    """For how many times the customer waits."""
    result = await transaction.execute(_COUNT, {"applicant": applicant_id, "now": transaction.now})
    return int(result.scalar_one())


async def by_id(transaction: Transaction, entry_id: UUID, *, lock: bool = False) -> Entry | None:
    row = await transaction.one_or_none(_BY_ID_LOCKED if lock else _BY_ID, {"entry": entry_id})
    return None if row is None else _entry(row)


async def waiting_for(transaction: Transaction, freed: Sequence[Freed], *, most: int) -> list[Entry]:
    """Who waits for a time that touches one that is free again, in the order in which they came; locked."""
    rows = await transaction.all(
        _WAITING_FOR,
        {
            "resources": [each.resource_id for each in freed],
            "starts": [each.starts_at for each in freed],
            "ends": [each.ends_at for each in freed],
            "now": transaction.now,
            "most": most,
        },
    )
    return [_entry(row) for row in rows]


async def set_status(transaction: Transaction, entry_ids: Collection[UUID], status: EntryStatus) -> None:
    if entry_ids:
        await transaction.execute(_SET_STATUS, {"entries": list(entry_ids), "status": status.value})


async def add_offers(transaction: Transaction, offers: Sequence[Offer]) -> None:
    rows = [{**asdict(offer), "status": offer.status.value} for offer in offers]
    await transaction.execute(sa.insert(waiting_offers), rows)


async def offer(transaction: Transaction, offer_id: UUID) -> Offer | None:
    row = await transaction.one_or_none(_OFFER, {"offer": offer_id})
    return None if row is None else _offer(row)


async def open_offers(transaction: Transaction, applicant_id: UUID, *, most: int) -> list[Offer]:
    """What is kept for a customer now."""
    parameters = {"applicant": applicant_id, "now": transaction.now, "most": most}
    return [_offer(row) for row in await transaction.all(_OPEN_OF_APPLICANT, parameters)]


async def taken_from_all_but(
    direct: Direct, resource_id: UUID, starts_at: datetime, ends_at: datetime
) -> frozenset[UUID] | None:
    """None: the only place can be had, as far as one query without a lock can tell. Else for whom it is kept."""
    row = await direct.row(_IS_TAKEN, resource_id, starts_at, ends_at)
    assert row is not None
    return frozenset(row["kept_for"] or ()) if row["taken"] else None


async def offer_locked(transaction: Transaction, offer_id: UUID) -> Offer | None:
    row = await transaction.one_or_none(_OFFER_LOCKED, {"offer": offer_id})
    return None if row is None else _offer(row)


async def open_offer_of(transaction: Transaction, entry_id: UUID) -> Offer | None:
    """Locked."""
    row = await transaction.one_or_none(_OPEN_OFFER, {"entry": entry_id})
    return None if row is None else _offer(row)


async def offers_to_expire(transaction: Transaction, *, most: int) -> dict[UUID, UUID]:
    """Offers that end by now, with their resources; whether they still do is seen under the lock."""
    rows = await transaction.all(_DUE, {"now": transaction.now, "most": most})
    return {row["id"]: row["resource_id"] for row in rows}


async def expire(transaction: Transaction, offer_ids: Collection[UUID]) -> list[Offer]:
    """Those of these offers that end by now, ended."""
    rows = await transaction.all(_EXPIRE, {"offers": list(offer_ids), "now": transaction.now})
    return sorted((_offer(row) for row in rows), key=lambda offer: (offer.expires_at, offer.id))


async def save_offer(transaction: Transaction, offer: Offer) -> None:
    await transaction.execute(
        _SET_OFFER,
        {
            "offer": offer.id,
            "new_status": offer.status.value,
            "new_order": offer.order_id,
            "new_version": offer.version,
        },
    )


async def listed(reading: Transaction, entry_id: UUID) -> Listed | None:
    parameters = {"entry": entry_id, "now": reading.now, "after": _FIRST_ID, "limit": 1}
    row = await reading.one_or_none(_ONE_LISTED, parameters)
    return None if row is None else _listed(row)


async def page_of_applicant(reading: Transaction, applicant_id: UUID, *, after: UUID, limit: int) -> list[Listed]:
    """The customer's entries for times to come, of every status."""
    parameters = {"applicant": applicant_id, "now": reading.now, "after": after, "limit": limit}
    return [_listed(row) for row in await reading.all(_OF_APPLICANT, parameters)]


async def page_of_resource(reading: Transaction, resource_id: UUID, *, after: UUID, limit: int) -> list[Listed]:
    """Who waits for times to come, or is offered one."""
    parameters = {"resource": resource_id, "now": reading.now, "after": after, "limit": limit}
    return [_listed(row) for row in await reading.all(_OF_RESOURCE, parameters)]
