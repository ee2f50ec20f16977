from collections.abc import Mapping, Sequence
from dataclasses import fields, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid5

import sqlalchemy as sa
from asyncpg import Range
from foyer_chassis.db import Transaction
from sqlalchemy.dialects.postgresql import JSONB, TSTZRANGE, array

from ..claiming import store as claiming
from ..claiming.tables import resource_parts
from ..classes.tables import class_bookings, classes
from ..lodging.tables import claims, groups, lodgings, units
from ..reserving.tables import reservations
from ..resources.tables import locations, resources
from ..visitors.tables import visitors
from .domain import MOST_BUSY, MOST_ENTRIES, MOST_FEEDS, Entry, Feed, Period, Subject, Thing
from .tables import feeds, open_things, order_numbers

#: Given up: it takes no place any more, and did not run to its end.
_GIVEN_UP = ("expired", "released", "no_show")
#: A booking of slots lies within one local day, which has up to 25 hours.
_LONGEST_SLOTS = timedelta(hours=25)

_OF_ENTRY = frozenset({field.name for field in fields(Entry)} - {"held", "given_up"})
_INSTANT = sa.DateTime(timezone=True)
_FROM, _TO = sa.bindparam("from", type_=_INSTANT), sa.bindparam("to", type_=_INSTANT)
_FEED = sa.select(feeds).where(feeds.c.id == sa.bindparam("feed"))
_FEEDS_OF_OWNER = sa.select(feeds).where(feeds.c.owner_id == sa.bindparam("owner")).order_by(feeds.c.id)
_FEEDS_OF_THING = (
    sa.select(feeds)
    .where(feeds.c.thing_id == sa.bindparam("thing"), feeds.c.id > sa.bindparam("after"))
    .order_by(feeds.c.id)
    .limit(sa.bindparam("limit"))
)
_LOCK_OWNER = sa.text("SELECT pg_advisory_xact_lock(hashtext('calendars:' || :owner))")
_COUNT = sa.select(sa.func.count()).where(feeds.c.owner_id == sa.bindparam("owner"))
_DELETE = (
    sa.delete(feeds)
    .where(
        feeds.c.id == sa.bindparam("feed"),
        sa.or_(sa.bindparam("owner", type_=sa.Uuid).is_(None), feeds.c.owner_id == sa.bindparam("owner")),
    )
    .returning(feeds.c.id)
)
_NOTE_ORDERS = sa.text("""
    INSERT INTO calendar_orders (order_id, number, applicant_id)
    SELECT * FROM unnest(CAST(:orders AS uuid[]), CAST(:numbers AS bigint[]), CAST(:applicants AS uuid[]))
    ON CONFLICT (order_id) DO UPDATE SET number = excluded.number, applicant_id = excluded.applicant_id
""")
_OPEN = sa.text("INSERT INTO calendar_open_things (thing_id) VALUES (:thing) ON CONFLICT DO NOTHING")
_CLOSE = sa.delete(open_things).where(open_things.c.thing_id == sa.bindparam("thing"))
_IS_OPEN = sa.select(open_things.c.thing_id).where(open_things.c.thing_id == sa.bindparam("thing"))

_RESOURCE = (
    sa.select(
        resources.c.id,
        sa.literal("resource").label("subject"),
        resources.c.name,
        resources.c.location_id,
        locations.c.name.label("location_name"),
        # A hall takes all places of its rooms: with any of them taken it is busy.
        sa.case((sa.exists().where(resource_parts.c.whole_id == resources.c.id), 1), else_=resources.c.capacity).label(
            "units"
        ),
    )
    .join_from(resources, locations)
    .where(resources.c.id == sa.bindparam("thing"))
)
_GROUP = (
    sa.select(
        groups.c.id,
        sa.case((groups.c.kind == "ticket", "space"), else_="room_type").label("subject"),
        groups.c.name,
        groups.c.location_id,
        locations.c.name.label("location_name"),
        sa.select(sa.func.count())
        .where(units.c.group_id == groups.c.id, ~units.c.blocked)
        .scalar_subquery()
        .label("units"),
    )
    .join_from(groups, locations)
    .where(groups.c.id == sa.bindparam("thing"))
)
_PARTS = sa.select(resource_parts.c.part_id).where(resource_parts.c.whole_id == sa.bindparam("thing"))
_THING = sa.union_all(_RESOURCE, _GROUP)

_ONCE = (
    sa.cast(sa.null(), JSONB).label("occurrences"),
    sa.cast(sa.null(), sa.Uuid).label("resource_id"),
    sa.cast(sa.null(), JSONB).label("elsewhere"),
)
_other = resources.alias("other")
_other_location = locations.alias("other_location")
_ELSEWHERE = (
    sa.select(sa.func.jsonb_object_agg(_other.c.id, sa.func.jsonb_build_array(_other.c.name, _other_location.c.name)))
    .join_from(_other, _other_location, _other_location.c.id == _other.c.location_id)
    .where(_other.c.id == sa.any_(reservations.c.elsewhere))
    .correlate(reservations)
    .scalar_subquery()
    .label("elsewhere")
)
_SLOTS = (
    sa.select(
        reservations.c.id.label("uid"),
        reservations.c.version,
        sa.func.lower(reservations.c.during).label("starts_at"),
        sa.func.upper(reservations.c.during).label("ends_at"),
        reservations.c.status,
        resources.c.name.label("title"),
        locations.c.name.label("place"),
        order_numbers.c.number.label("order_number"),
        sa.null().label("number"),
        sa.null().label("visitor"),
        reservations.c.occurrences,
        reservations.c.resource_id,
        _ELSEWHERE,
    )
    .join(resources, resources.c.id == reservations.c.resource_id)
    .join(locations, locations.c.id == resources.c.location_id)
)
_LODGINGS = (
    sa.select(
        lodgings.c.id.label("uid"),
        lodgings.c.version,
        lodgings.c.starts_at,
        lodgings.c.ends_at,
        lodgings.c.status,
        groups.c.name.label("title"),
        sa.func.concat_ws(", ", locations.c.name, sa.func.nullif(lodgings.c.place, "")).label("place"),
        order_numbers.c.number.label("order_number"),
        lodgings.c.number,
        lodgings.c.visitor_name.label("visitor"),
        *_ONCE,
    )
    .join(groups, groups.c.id == lodgings.c.group_id)
    .join(locations, locations.c.id == groups.c.location_id)
)
_CLASSES = (
    sa.select(
        class_bookings.c.id.label("uid"),
        # A class that changed its time is another version of the booking too.
        (class_bookings.c.version + classes.c.version).label("version"),
        classes.c.starts_at,
        classes.c.ends_at,
        sa.case(
            (sa.or_(class_bookings.c.cancelled_reason.is_not(None), classes.c.cancelled), "released"),
            else_="confirmed",
        ).label("status"),
        classes.c.title,
        sa.literal("").label("place"),
        sa.null().label("order_number"),
        sa.null().label("number"),
        visitors.c.name.label("visitor"),
        *_ONCE,
    )
    .join(classes, classes.c.id == class_bookings.c.class_id)
    .join(visitors, visitors.c.id == class_bookings.c.visitor_id)
)


def _soonest(statement: sa.Select[Any] | sa.CompoundSelect[Any]) -> sa.Select[Any]:
    each = statement.subquery()
    return sa.select(each).order_by(each.c.starts_at, each.c.uid).limit(MOST_ENTRIES)


_lower = sa.func.lower(reservations.c.during)
#: `during` of a booking that recurs is from its first time to its last.
_recurs_then = sa.and_(
    reservations.c.occurrences.is_not(None), reservations.c.during.op("&&")(sa.func.tstzrange(_FROM, _TO))
)
_SLOTS_OF_ALL = _SLOTS.outerjoin(order_numbers, order_numbers.c.order_id == reservations.c.order_id)
_OF_RESOURCE = _soonest(
    sa.union_all(
        _SLOTS_OF_ALL.where(
            reservations.c.resource_id == sa.bindparam("thing"),
            sa.or_(sa.and_(_lower > _FROM - sa.literal(_LONGEST_SLOTS), _lower < _TO), _recurs_then),
        ),
        _SLOTS_OF_ALL.where(
            reservations.c.elsewhere.contains(array([sa.bindparam("thing", type_=sa.Uuid)])), _recurs_then
        ),
    )
)
_OF_GROUP = _soonest(
    _LODGINGS.outerjoin(order_numbers, order_numbers.c.order_id == lodgings.c.order_id).where(
        lodgings.c.group_id == sa.bindparam("thing"),
        sa.func.tstzrange(lodgings.c.starts_at, lodgings.c.ends_at).op("&&")(sa.func.tstzrange(_FROM, _TO)),
    )
)
_OF_PERSON = _soonest(
    sa.union_all(
        _SLOTS.join(order_numbers, order_numbers.c.order_id == reservations.c.order_id).where(
            order_numbers.c.applicant_id == sa.bindparam("person"),
            sa.or_(sa.and_(_lower > _FROM, _lower < _TO), _recurs_then),
        ),
        _LODGINGS.join(order_numbers, order_numbers.c.order_id == lodgings.c.order_id).where(
            order_numbers.c.applicant_id == sa.bindparam("person"),
            lodgings.c.ends_at > _FROM,
            lodgings.c.starts_at < _TO,
        ),
        _CLASSES.where(
            visitors.c.customer_id == sa.bindparam("person"), classes.c.starts_at > _FROM, classes.c.starts_at < _TO
        ),
    )
)
_TAKEN_OF_GROUP = (
    sa.select(sa.func.lower(claims.c.during).label("starts_at"), sa.func.upper(claims.c.during).label("ends_at"))
    .join(units, units.c.id == claims.c.unit_id)
    .where(
        units.c.group_id == sa.bindparam("thing"),
        ~units.c.blocked,
        claims.c.active,
        claims.c.during.op("&&")(sa.bindparam("during", type_=TSTZRANGE)),
    )
)


def _feed(row: sa.RowMapping) -> Feed:
    return Feed(**{**row, "subject": Subject(row["subject"])})


def _entries(rows: Sequence[sa.RowMapping], window: Period, *, resource_id: UUID | None = None) -> list[Entry]:
    """The earliest first; of a booking that recurs, each of its times that touch the window, at one resource or at
    any."""
    entries: list[Entry] = []
    for row in rows:
        values = {name: value for name, value in row.items() if name in _OF_ENTRY}
        whole = Entry(**values, held=row["status"] == "held", given_up=row["status"] in _GIVEN_UP)
        if row["occurrences"] is None:
            entries.append(whole)
            continue
        for each in row["occurrences"]:
            at = each.get("resource_id", str(row["resource_id"]))
            title, place = (row["elsewhere"] or {}).get(at, (whole.title, whole.place))
            time = replace(
                whole,
                uid=uuid5(whole.uid, str(each["number"])),
                starts_at=datetime.fromisoformat(each["starts_at"]),
                ends_at=datetime.fromisoformat(each["ends_at"]),
                given_up=whole.given_up or each["cancelled"],
                title=title,
                place=place,
            )
            if time.ends_at > window[0] and time.starts_at < window[1] and resource_id in (None, UUID(at)):
                entries.append(time)
    return sorted(entries, key=lambda entry: (entry.starts_at, entry.uid))[:MOST_ENTRIES]


async def note_orders(transaction: Transaction, orders: Mapping[UUID, tuple[int, UUID]]) -> None:
    """Keep orders (id → number and applicant)."""
    await transaction.execute(
        _NOTE_ORDERS,
        {
            "orders": list(orders),
            "numbers": [number for number, _ in orders.values()],
            "applicants": [applicant for _, applicant in orders.values()],
        },
    )


async def count_of_owner_locked(transaction: Transaction, owner_id: UUID) -> int:
    """How many feeds a person has; nobody else makes one for them until the end."""
    await transaction.execute(_LOCK_OWNER, {"owner": str(owner_id)})
    return int((await transaction.execute(_COUNT, {"owner": owner_id})).scalar_one())


async def add_feed(transaction: Transaction, feed: Feed) -> None:
    values = {column.name: getattr(feed, column.name) for column in feeds.c}
    await transaction.execute(sa.insert(feeds).values(**{**values, "subject": feed.subject.value}))


async def feed_by_id(transaction: Transaction, feed_id: UUID) -> Feed | None:
    row = await transaction.one_or_none(_FEED, {"feed": feed_id})
    return None if row is None else _feed(row)


async def feeds_of_owner(transaction: Transaction, owner_id: UUID) -> list[Feed]:
    """All of a person's feeds: never more than MOST_FEEDS."""
    found = [_feed(row) for row in await transaction.all(_FEEDS_OF_OWNER, {"owner": owner_id})]
    assert len(found) <= MOST_FEEDS
    return found


async def feeds_of_thing(transaction: Transaction, thing_id: UUID, *, after: UUID, limit: int) -> list[Feed]:
    parameters = {"thing": thing_id, "after": after, "limit": limit}
    return [_feed(row) for row in await transaction.all(_FEEDS_OF_THING, parameters)]


async def delete_feed(transaction: Transaction, feed_id: UUID, *, owner_id: UUID | None) -> bool:
    """Whether it was there."""
    result = await transaction.execute(_DELETE, {"feed": feed_id, "owner": owner_id})
    return result.scalar_one_or_none() is not None


async def thing_by_id(transaction: Transaction, thing_id: UUID) -> Thing | None:
    row = await transaction.one_or_none(_THING, {"thing": thing_id})
    return None if row is None else Thing(**{**row, "subject": Subject(row["subject"])})


async def set_open(transaction: Transaction, thing_id: UUID, *, is_open: bool) -> None:
    await transaction.execute(_OPEN if is_open else _CLOSE, {"thing": thing_id})


async def is_open(transaction: Transaction, thing_id: UUID) -> bool:
    return await transaction.one_or_none(_IS_OPEN, {"thing": thing_id}) is not None


async def entries_of_thing(transaction: Transaction, subject: Subject, thing_id: UUID, window: Period) -> list[Entry]:
    """Its bookings of every state that touch the window, the earliest first; at most MOST_ENTRIES."""
    statement = _OF_RESOURCE if subject is Subject.RESOURCE else _OF_GROUP
    rows = await transaction.all(statement, {"thing": thing_id, "from": window[0], "to": window[1]})
    return _entries(rows, window, resource_id=thing_id)


async def entries_of_person(transaction: Transaction, person_id: UUID, window: Period) -> list[Entry]:
    """A person's own bookings: slots, tickets, stays and classes, of every state; at most MOST_ENTRIES."""
    rows = await transaction.all(_OF_PERSON, {"person": person_id, "from": window[0], "to": window[1]})
    return _entries(rows, window)


async def taken(transaction: Transaction, thing: Thing, window: Period) -> Sequence[Period]:
    """When its units are taken, each by itself."""
    if thing.subject is Subject.RESOURCE:
        parts = [row["part_id"] for row in await transaction.all(_PARTS, {"thing": thing.id})]
        found = await claiming.taken(transaction, parts or [thing.id], *window)
        times = sorted((starts_at, ends_at) for of_part in found.values() for _, starts_at, ends_at in of_part)
        return times[:MOST_BUSY]
    rows = await transaction.all(_TAKEN_OF_GROUP, {"thing": thing.id, "during": Range(*window)})
    return [(row["starts_at"], row["ends_at"]) for row in rows]
