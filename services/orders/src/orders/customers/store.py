from collections.abc import Collection
from typing import Any
from uuid import UUID

import asyncpg
import sqlalchemy as sa
from foyer_chassis.auth import Caller
from foyer_chassis.db import Direct, Transaction
from sqlalchemy.dialects.postgresql import insert

from .domain import DiscountGroupExistsError, Person, Premises, UnknownDiscountGroupError
from .tables import discount_groups, people, premises

_insert = insert(people)
_CHANGED = sa.or_(
    people.c.name != _insert.excluded.name,
    people.c.locale != _insert.excluded.locale,
    people.c.email.is_distinct_from(_insert.excluded.email),
    people.c.phone.is_distinct_from(_insert.excluded.phone),
)
_UPSERT = _insert.on_conflict_do_update(
    index_elements=["id"],
    set_={
        "name": _insert.excluded.name,
        "locale": _insert.excluded.locale,
        "email": _insert.excluded.email,
        "phone": _insert.excluded.phone,
        "source": "identity",
        "version": people.c.version + 1,
    },
    # An erased person stays so, whatever an old token still says.
    where=sa.and_(_CHANGED, people.c.erased_at.is_(None)),
).returning(people.c.version, people.c.discount_group_id)

_COLUMNS = [column for column in people.c if column.name not in ("search", "phone_digits")]
_PERSON = sa.select(*_COLUMNS).where(people.c.id == sa.bindparam("person"))
_PERSON_LOCKED = _PERSON.with_for_update()
_PEOPLE = sa.select(*_COLUMNS).where(people.c.id.in_(sa.bindparam("people", expanding=True)))
_NAME = "SELECT name FROM people WHERE id = $1"

_PREMISES_FOR_ORDER = "SELECT * FROM premises WHERE id = $1 AND customer_id = $2 AND active"
_PREMISES = sa.select(premises).where(premises.c.id == sa.bindparam("premises"))
_PREMISES_LOCKED = _PREMISES.with_for_update()
_PREMISES_OF = (
    sa.select(premises)
    .where(premises.c.customer_id == sa.bindparam("customer"), premises.c.active)
    .order_by(premises.c.id)
    .limit(sa.bindparam("limit"))
)

#: B8: a phone leads staff to a customer only once they have taken up an order of theirs. Orders stand above customers;
#: this is the one thing that customers asks of their table.
_orders = sa.table("orders", sa.column("applicant_id"), sa.column("kind"), sa.column("taken_up_at"))
_PHONE_SHOWN = sa.exists(
    sa.select(1)
    .select_from(_orders)
    .where(
        _orders.c.applicant_id == people.c.id,
        _orders.c.taken_up_at.is_not(None),
        _orders.c.kind.in_(sa.bindparam("kinds", expanding=True)),
    )
)
_FOUND = (
    sa.select(*_COLUMNS, sa.or_(people.c.source != "identity", _PHONE_SHOWN).label("phone_shown"))
    .where(
        people.c.erased_at.is_(None),
        sa.bindparam("after", type_=sa.Uuid).is_(None) | (people.c.id > sa.bindparam("after")),
        sa.or_(
            sa.bindparam("words", type_=sa.Text).is_(None),
            people.c.search.like(sa.bindparam("words"), escape="\\"),
            sa.and_(
                sa.bindparam("digits", type_=sa.Text).is_not(None),
                people.c.phone_digits.like(sa.bindparam("digits")),
                sa.or_(people.c.source != "identity", _PHONE_SHOWN),
            ),
        ),
    )
    .order_by(people.c.id)
    .limit(sa.bindparam("limit"))
)
_GROUPS = sa.select(discount_groups).order_by(discount_groups.c.name).limit(500)


def _person(row: sa.RowMapping) -> Person:
    return Person(**{column.name: row[column.name] for column in _COLUMNS})


def _premises(row: sa.RowMapping | asyncpg.Record) -> Premises:
    return Premises(**{column.name: row[column.name] for column in premises.c})


async def save_if_changed(transaction: Transaction, caller: Caller) -> tuple[int, UUID | None] | None:
    """The person's new version and discount group, or None when nothing changed."""
    result = await transaction.execute(
        _UPSERT,
        {
            "id": caller.id,
            "name": caller.name,
            "locale": caller.locale,
            "email": caller.email,
            "phone": caller.phone,
            "version": 1,
        },
    )
    row = result.one_or_none()
    return None if row is None else (row.version, row.discount_group_id)


async def name_of(direct: Direct, person_id: UUID) -> str:
    """What the person is called, as far as is known."""
    row = await direct.row(_NAME, person_id)
    return "" if row is None else str(row["name"])


async def person_by_id(transaction: Transaction, person_id: UUID, *, lock: bool = False) -> Person | None:
    row = await transaction.one_or_none(_PERSON_LOCKED if lock else _PERSON, {"person": person_id})
    return None if row is None else _person(row)


async def people_by_id(transaction: Transaction, ids: Collection[UUID]) -> dict[UUID, Person]:
    if not ids:
        return {}
    return {row["id"]: _person(row) for row in await transaction.all(_PEOPLE, {"people": list(ids)})}


async def find_people(
    transaction: Transaction, *, query: str | None, kinds: Collection[str], after: UUID | None, limit: int
) -> list[tuple[Person, bool]]:
    """People by name or email, or by a phone that may be seen; with whether the caller may see the phone (B8)."""
    digits = "".join(filter(str.isdigit, query or ""))
    rows = await transaction.all(
        _FOUND,
        {
            "words": None if query is None else f"%{_escaped(query.lower())}%",
            "digits": f"%{digits}%" if len(digits) >= 5 else None,
            "kinds": list(kinds),
            "after": after,
            "limit": limit,
        },
    )
    return [(_person(row), bool(row["phone_shown"])) for row in rows]


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


async def phone_shown(transaction: Transaction, person_id: UUID, kinds: Collection[str]) -> bool:
    """B8: whether staff of these kinds may see the person's phone."""
    query = sa.select(sa.or_(people.c.source != "identity", _PHONE_SHOWN)).where(people.c.id == person_id)
    result = await transaction.execute(query, {"kinds": list(kinds)})
    return bool(result.scalar_one_or_none())


async def save_person(transaction: Transaction, person: Person) -> None:
    values: dict[str, Any] = {column.name: getattr(person, column.name) for column in _COLUMNS}
    values["company"] = None if person.company is None else dict(person.company)
    id_ = values.pop("id")
    try:
        if person.version == 1:
            await transaction.execute(sa.insert(people).values(id=id_, **values))
        else:
            await transaction.execute(sa.update(people).where(people.c.id == id_).values(**values))
    except sa.exc.IntegrityError as error:
        if "people_discount_group" in str(error.orig):
            raise UnknownDiscountGroupError(field="discount_group_id") from None
        raise


async def premises_for_order(direct: Direct, customer_id: UUID, premises_id: UUID) -> Premises | None:
    row = await direct.row(_PREMISES_FOR_ORDER, premises_id, customer_id)
    return None if row is None else _premises(row)


async def premises_by_id(transaction: Transaction, premises_id: UUID, *, lock: bool = False) -> Premises | None:
    row = await transaction.one_or_none(_PREMISES_LOCKED if lock else _PREMISES, {"premises": premises_id})
    return None if row is None else _premises(row)


async def premises_of(transaction: Transaction, customer_id: UUID, *, limit: int) -> list[Premises]:
    rows = await transaction.all(_PREMISES_OF, {"customer": customer_id, "limit": limit})
    return [_premises(row) for row in rows]


async def save_premises(transaction: Transaction, item: Premises) -> None:
    values = {column.name: getattr(item, column.name) for column in premises.c}
    id_ = values.pop("id")
    if item.version == 1:
        await transaction.execute(sa.insert(premises).values(id=id_, **values))
    else:
        await transaction.execute(sa.update(premises).where(premises.c.id == id_).values(**values))


async def erase_premises(transaction: Transaction, customer_id: UUID) -> None:
    await transaction.execute(
        sa.update(premises)
        .where(premises.c.customer_id == customer_id)
        .values(title="", address="", active=False, version=premises.c.version + 1)
    )


async def discount_groups_all(transaction: Transaction) -> list[sa.RowMapping]:
    return list(await transaction.all(_GROUPS))


async def add_discount_group(transaction: Transaction, group_id: UUID, name: str) -> None:
    try:
        await transaction.execute(sa.insert(discount_groups).values(id=group_id, name=name, version=1))
    except sa.exc.IntegrityError:
        raise DiscountGroupExistsError(field="name") from None


async def discount_group_exists(transaction: Transaction, group_id: UUID) -> bool:
    query = sa.select(discount_groups.c.id).where(discount_groups.c.id == group_id)
    return await transaction.one_or_none(query) is not None
