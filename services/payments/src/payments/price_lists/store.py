from collections.abc import Sequence
from dataclasses import asdict, fields
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from foyer_chassis.db import Transaction
from foyer_contracts.money import Money

from .domain import LegalEntity, Position, ReceiptSettings, VatMode
from .tables import legal_entities, price_list_positions

_ADD = sa.insert(legal_entities)
_SAVE = (
    sa.update(legal_entities)
    .where(legal_entities.c.id == sa.bindparam("entity"))
    .values(
        {
            column.name: sa.bindparam(f"new_{column.name}", type_=column.type)
            for column in legal_entities.c
            if not column.primary_key
        }
    )
)
_LOCKED = sa.select(legal_entities).where(legal_entities.c.id == sa.bindparam("id")).with_for_update()
_NO_DEFAULT = (
    sa.update(legal_entities)
    .where(legal_entities.c.is_default, legal_entities.c.id != sa.bindparam("except"))
    .values(is_default=False, version=legal_entities.c.version + 1)
)
_BY_ID = sa.select(legal_entities).where(legal_entities.c.id == sa.bindparam("id"))
#: The one named, or the default one where that one is not known; the named one first.
_FOR = (
    sa.select(legal_entities)
    .where(sa.or_(legal_entities.c.id == sa.bindparam("id", type_=sa.Uuid), legal_entities.c.is_default))
    .order_by((legal_entities.c.id == sa.bindparam("id", type_=sa.Uuid)).desc().nulls_last())
    .limit(1)
)
_ALL = sa.select(legal_entities).order_by(legal_entities.c.id)
_ADD_POSITION = sa.insert(price_list_positions)
_SAVE_POSITION = (
    sa.update(price_list_positions)
    .where(price_list_positions.c.id == sa.bindparam("position"))
    .values(
        {
            name: sa.bindparam(f"new_{name}", type_=price_list_positions.c[name].type)
            for name in ("title", "unit", "unit_price", "currency", "vat_rate", "active", "version")
        }
    )
)
_POSITION_LOCKED = (
    sa.select(price_list_positions).where(price_list_positions.c.id == sa.bindparam("id")).with_for_update()
)
_POSITIONS = (
    sa.select(price_list_positions)
    .where(
        price_list_positions.c.legal_entity_id == sa.bindparam("entity"),
        sa.or_(price_list_positions.c.active, ~sa.bindparam("active_only", type_=sa.Boolean)),
        sa.or_(
            sa.bindparam("after", type_=sa.Uuid).is_(None),
            price_list_positions.c.id > sa.bindparam("after", type_=sa.Uuid),
        ),
    )
    .order_by(price_list_positions.c.id)
    .limit(sa.bindparam("limit"))
)
_POSITIONS_BY_ID = sa.select(price_list_positions).where(
    price_list_positions.c.id.in_(sa.bindparam("ids", expanding=True))
)


def _entity(row: sa.RowMapping) -> LegalEntity:
    values = {item.name: row[item.name] for item in fields(LegalEntity)}
    return LegalEntity(
        **{**values, "vat_mode": VatMode(row["vat_mode"]), "receipts": ReceiptSettings(**row["receipts"])}
    )


def _columns(entity: LegalEntity) -> dict[str, Any]:
    return {**asdict(entity), "vat_mode": entity.vat_mode.value}


def _position(row: sa.RowMapping) -> Position:
    return Position(
        id=row["id"],
        legal_entity_id=row["legal_entity_id"],
        title=row["title"],
        unit=row["unit"],
        unit_price=Money(amount=row["unit_price"], currency=row["currency"]),
        vat_rate=row["vat_rate"],
        active=row["active"],
        version=row["version"],
    )


async def add(transaction: Transaction, entity: LegalEntity) -> None:
    if entity.is_default:
        await transaction.execute(_NO_DEFAULT, {"except": entity.id})
    await transaction.execute(_ADD, _columns(entity))


async def save(transaction: Transaction, entity: LegalEntity) -> None:
    if entity.is_default:
        await transaction.execute(_NO_DEFAULT, {"except": entity.id})
    columns = {f"new_{name}": value for name, value in _columns(entity).items() if name != "id"}
    await transaction.execute(_SAVE, {"entity": entity.id, **columns})


async def locked(transaction: Transaction, entity_id: UUID) -> LegalEntity | None:
    row = await transaction.one_or_none(_LOCKED, {"id": entity_id})
    return None if row is None else _entity(row)


async def by_id(transaction: Transaction, entity_id: UUID) -> LegalEntity | None:
    row = await transaction.one_or_none(_BY_ID, {"id": entity_id})
    return None if row is None else _entity(row)


async def seller(transaction: Transaction, entity_id: UUID | None) -> LegalEntity | None:
    """The legal entity in whose name something is sold: the one named, else the default one."""
    row = await transaction.one_or_none(_FOR, {"id": entity_id})
    return None if row is None else _entity(row)


async def everyone(transaction: Transaction) -> list[LegalEntity]:
    return [_entity(row) for row in await transaction.all(_ALL)]


async def add_position(transaction: Transaction, position: Position) -> None:
    await transaction.execute(
        _ADD_POSITION,
        {
            **asdict(position),
            "unit_price": position.unit_price.amount,
            "currency": position.unit_price.currency,
        },
    )


async def save_position(transaction: Transaction, position: Position) -> None:
    await transaction.execute(
        _SAVE_POSITION,
        {
            "position": position.id,
            "new_title": position.title,
            "new_unit": position.unit,
            "new_unit_price": position.unit_price.amount,
            "new_currency": position.unit_price.currency,
            "new_vat_rate": position.vat_rate,
            "new_active": position.active,
            "new_version": position.version,
        },
    )


async def locked_position(transaction: Transaction, position_id: UUID) -> Position | None:
    row = await transaction.one_or_none(_POSITION_LOCKED, {"id": position_id})
    return None if row is None else _position(row)


async def positions(
    transaction: Transaction, entity_id: UUID, *, active_only: bool, after: UUID | None, limit: int
) -> list[Position]:
    rows = await transaction.all(
        _POSITIONS, {"entity": entity_id, "active_only": active_only, "after": after, "limit": limit}
    )
    return [_position(row) for row in rows]


async def positions_by_id(transaction: Transaction, ids: Sequence[UUID]) -> dict[UUID, Position]:
    return {row["id"]: _position(row) for row in await transaction.all(_POSITIONS_BY_ID, {"ids": list(ids)})}
