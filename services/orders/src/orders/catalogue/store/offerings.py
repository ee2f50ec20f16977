"""Offerings as they are and as they were."""

import json
from collections.abc import Collection
from dataclasses import fields
from typing import Any
from uuid import UUID

import asyncpg
import sqlalchemy as sa
from foyer_chassis.db import Direct, Transaction
from foyer_contracts.money import Money
from pydantic import TypeAdapter

from ..domain import Kind, Offering, ResourceCopy, Terms
from ..tables import offering_versions, offerings
from . import words
from .caches import Recent
from .copies import resource_copy

MOST_CACHED = 2048

_ADAPTER = TypeAdapter(Offering)
_FIELDS = [field.name for field in fields(Offering)]
_PLAIN = [name for name in _FIELDS if name in offerings.c]
_JSON = ("form", "cancellation", "online_sale")

#: Committed versions never change, so they need no refreshing.
_versions: Recent[tuple[UUID, int], Offering] = Recent(MOST_CACHED)

_COLUMNS = [offerings.c[name] for name in [*_PLAIN, "prepaid", "price_amount", "price_currency"]]
_OFFERING = sa.select(*_COLUMNS).where(offerings.c.id == sa.bindparam("offering"))
_OFFERING_LOCKED = _OFFERING.with_for_update()
_OFFERINGS_PAGE = (
    sa.select(*_COLUMNS)
    .where(
        sa.or_(offerings.c.active, sa.bindparam("inactive_too", type_=sa.Boolean)),
        sa.or_(sa.bindparam("after", type_=sa.Uuid).is_(None), offerings.c.id > sa.bindparam("after")),
        sa.or_(sa.bindparam("kind", type_=sa.Text).is_(None), offerings.c.kind == sa.bindparam("kind")),
        sa.or_(sa.bindparam("category", type_=sa.Uuid).is_(None), offerings.c.category_id == sa.bindparam("category")),
    )
    .order_by(offerings.c.id)
    .limit(sa.bindparam("limit"))
)
_VERSIONS = sa.select(offering_versions.c.offering_id, offering_versions.c.version, offering_versions.c.snapshot).where(
    sa.tuple_(offering_versions.c.offering_id, offering_versions.c.version).in_(sa.bindparam("pairs", expanding=True))
)
_ADD_VERSION = sa.insert(offering_versions)
_FOR_ORDER = """
    SELECT o.id AS offering_id, o.version AS offering_version, r.id AS resource_id, r.time_zone, r.opening_hours::text,
        r.closed_days, r.slot_minutes, r.price_amount, r.price_currency, r.active AS resource_active, r.location_id,
        r.special_hours::text, r.rules::text
    FROM (VALUES ($1::uuid, $2::uuid)) AS wanted (offering, resource)
    LEFT JOIN offerings o ON o.id = wanted.offering
    LEFT JOIN resource_copies r ON r.id = wanted.resource
"""
#: JSON as text, whatever the connection makes of it.
_WHOLE = """
    SELECT o.*, o.form::text AS form, o.cancellation::text AS cancellation, o.online_sale::text AS online_sale
    FROM offerings o WHERE o.id = $1
"""


def _offering(row: sa.RowMapping | dict[str, Any]) -> Offering:
    values = {name: row[name] for name in _PLAIN}
    if values["terms"] is None:
        values["terms"] = Terms.PREPAID if row["prepaid"] else Terms.POSTPAID
    if row["price_amount"] is not None:
        values["price"] = Money(amount=row["price_amount"], currency=row["price_currency"])
    return _ADAPTER.validate_python(values)


def _offering_of_record(record: asyncpg.Record) -> Offering:
    row = dict(record)
    for name in _JSON:
        if row[name] is not None:
            row[name] = json.loads(row[name])
    return _offering(row)


async def find_for_order(
    direct: Direct, offering_id: UUID, resource_id: UUID | None
) -> tuple[Offering | None, ResourceCopy | None]:
    """What an order names, in one query, or two for a version of the offering that this process has not seen yet."""
    row = await direct.row(_FOR_ORDER, offering_id, resource_id)
    assert row is not None
    offering = None
    if row["offering_id"] is not None:
        offering = _versions.get((offering_id, row["offering_version"])) or await _fetch(direct, offering_id)
    return offering, None if row["resource_id"] is None else resource_copy(row)


async def _fetch(direct: Direct, offering_id: UUID) -> Offering | None:
    record = await direct.row(_WHOLE, offering_id)
    if record is None:
        return None
    offering = _offering_of_record(record)
    _versions.keep((offering.id, offering.version), offering)
    return offering


async def offering_by_id(transaction: Transaction, offering_id: UUID, *, lock: bool = False) -> Offering | None:
    """As it is now."""
    row = await transaction.one_or_none(_OFFERING_LOCKED if lock else _OFFERING, {"offering": offering_id})
    return None if row is None else _offering(row)


async def offering_at(transaction: Transaction, offering_id: UUID, version: int) -> Offering | None:
    """As it was at that version. Not for versions that this very transaction writes: they may yet be rolled back."""
    return (await offerings_at(transaction, [(offering_id, version)])).get((offering_id, version))


async def offerings_at(
    transaction: Transaction, pairs: Collection[tuple[UUID, int]]
) -> dict[tuple[UUID, int], Offering]:
    """As they were at those versions; what never was is left out. One query for those this process has not seen."""
    found = {pair: offering for pair in pairs if (offering := _versions.get(pair)) is not None}
    if missing := [pair for pair in set(pairs) if pair not in found]:
        for row in await transaction.all(_VERSIONS, {"pairs": missing}):
            pair = (row["offering_id"], row["version"])
            found[pair] = _ADAPTER.validate_python(row["snapshot"])
            _versions.keep(pair, found[pair])
        for pair in missing:
            # The release before this one writes no versions.
            if pair not in found and (now := await offering_by_id(transaction, pair[0])) and now.version == pair[1]:
                found[pair] = now
    return found


async def offerings_page(
    transaction: Transaction,
    *,
    inactive_too: bool,
    kind: Kind | None = None,
    category_id: UUID | None = None,
    after: UUID | None,
    limit: int,
) -> list[Offering]:
    parameters = {
        "inactive_too": inactive_too,
        "kind": kind.value if kind else None,
        "category": category_id,
        "after": after,
        "limit": limit,
    }
    return [_offering(row) for row in await transaction.all(_OFFERINGS_PAGE, parameters)]


async def save_offering(transaction: Transaction, offering: Offering) -> None:
    """Store an offering and what this version of it is."""
    snapshot = _ADAPTER.dump_python(offering, mode="json")
    values: dict[str, Any] = {name: getattr(offering, name) for name in _PLAIN}
    values |= {name: snapshot[name] for name in _JSON}
    values |= {
        "kind": offering.kind.value,
        "terms": offering.terms.value,
        "prepaid": offering.prepaid,
        "price_amount": offering.price.amount if offering.price else None,
        "price_currency": offering.price.currency if offering.price else None,
        "responsible_ids": list(offering.responsible_ids),
        "resource_ids": list(offering.resource_ids),
        "location_ids": list(offering.location_ids),
        "search_title": words.of_title(offering),
        "search_words": words.of_offering(offering),
    }
    id_ = values.pop("id")
    if offering.version == 1:
        await transaction.execute(sa.insert(offerings).values(id=id_, **values))
    else:
        await transaction.execute(sa.update(offerings).where(offerings.c.id == id_).values(**values))
    await transaction.execute(
        _ADD_VERSION,
        {"offering_id": id_, "version": offering.version, "snapshot": snapshot, "created_at": transaction.now},
    )
