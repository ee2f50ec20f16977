from collections.abc import Iterable
from datetime import datetime
from typing import Literal
from uuid import UUID

import sqlalchemy as sa
from foyer_chassis.db import Transaction
from foyer_chassis.pages import paged
from foyer_contracts.money import Money
from sqlalchemy.dialects.postgresql import insert

from .domain import Length, ScanReusedError, Tariff
from .tables import scans, tariffs

_BY_ID = sa.select(tariffs).where(tariffs.c.id.in_(sa.bindparam("ids", expanding=True)))
_LOCKED = sa.select(tariffs).where(tariffs.c.id == sa.bindparam("id")).with_for_update()
_NOTE_SCAN = insert(scans).on_conflict_do_nothing().returning(scans.c.id)
_SCAN = sa.select(scans.c.ticket_id, scans.c.verb).where(scans.c.id == sa.bindparam("scan"))
_OF_SPACE = paged(sa.select(tariffs).where(tariffs.c.space_id == sa.bindparam("space")), tariffs.c.id)


def _tariff(row: sa.RowMapping) -> Tariff:
    return Tariff(
        id=row["id"],
        space_id=row["space_id"],
        name=row["name"],
        unit=Length(row["unit"]),
        price=Money(amount=row["price_amount"], currency=row["price_currency"]),
        fixed=row["fixed"],
        zone=row["zone"],
        most=row["most"],
        active=row["active"],
        version=row["version"],
    )


async def tariffs_by_id(transaction: Transaction, ids: Iterable[UUID]) -> dict[UUID, Tariff]:
    return {row["id"]: _tariff(row) for row in await transaction.all(_BY_ID, {"ids": list(ids)})}


async def tariff_locked(transaction: Transaction, id_: UUID) -> Tariff | None:
    row = await transaction.one_or_none(_LOCKED, {"id": id_})
    return None if row is None else _tariff(row)


async def tariffs_page(transaction: Transaction, space_id: UUID, *, after: UUID | None, limit: int) -> list[Tariff]:
    parameters = {"space": space_id, "after": after, "limit": limit}
    return [_tariff(row) for row in await transaction.all(_OF_SPACE, parameters)]


async def save_tariff(transaction: Transaction, tariff: Tariff) -> None:
    """Insert it, or replace the stored one."""
    values = {
        "space_id": tariff.space_id,
        "name": tariff.name,
        "unit": tariff.unit.value,
        "price_amount": tariff.price.amount,
        "price_currency": tariff.price.currency,
        "fixed": tariff.fixed,
        "zone": tariff.zone,
        "most": tariff.most,
        "active": tariff.active,
        "version": tariff.version,
    }
    if tariff.version == 1:
        await transaction.execute(sa.insert(tariffs).values(id=tariff.id, **values))
    else:
        await transaction.execute(sa.update(tariffs).where(tariffs.c.id == tariff.id).values(**values))


async def note_scan(
    transaction: Transaction, scan_id: UUID, ticket_id: UUID, verb: Literal["check_in", "check_out"], at: datetime
) -> bool:
    """Keep a scan; False: it was kept before. Raises ScanReusedError: as one of another ticket or of the other kind."""
    values = {"id": scan_id, "ticket_id": ticket_id, "verb": verb, "at": at, "noted_at": transaction.now}
    if (await transaction.execute(_NOTE_SCAN, values)).scalar_one_or_none() is not None:
        return True
    known = await transaction.one_or_none(_SCAN, {"scan": scan_id})
    if known is None or (known["ticket_id"], known["verb"]) != (ticket_id, verb):
        raise ScanReusedError(field="scan_id")
    return False
