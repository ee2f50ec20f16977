from uuid import UUID

import sqlalchemy as sa
from foyer_chassis.db import Transaction

from ..domain.templates import Template
from ..tables import templates

_ADD = sa.insert(templates)
_PAGE = sa.select(templates).order_by(templates.c.id).limit(sa.bindparam("limit"))
_PAGE_AFTER = _PAGE.where(templates.c.id > sa.bindparam("after"))
_ONE = sa.select(templates).where(templates.c.id == sa.bindparam("template"))
_CHANGE = (
    sa.update(templates)
    .where(templates.c.id == sa.bindparam("template"), templates.c.version == sa.bindparam("known"))
    .values(title=sa.bindparam("new_title"), text=sa.bindparam("new_text"), version=templates.c.version + 1)
    .returning(templates)
)
_REMOVE = sa.delete(templates).where(templates.c.id == sa.bindparam("template"))


async def add(transaction: Transaction, template: Template) -> None:
    await transaction.execute(
        _ADD, {"id": template.id, "title": template.title, "text": template.text, "version": template.version}
    )


async def page(transaction: Transaction, *, after: UUID | None, limit: int) -> list[Template]:
    rows = await (
        transaction.all(_PAGE, {"limit": limit})
        if after is None
        else transaction.all(_PAGE_AFTER, {"limit": limit, "after": after})
    )
    return [Template(**row) for row in rows]


async def one(transaction: Transaction, template_id: UUID) -> Template | None:
    row = await transaction.one_or_none(_ONE, {"template": template_id})
    return None if row is None else Template(**row)


async def change(
    transaction: Transaction, template_id: UUID, *, title: str, text: str, version: int
) -> Template | None:
    """The changed template; None when it is not at that version."""
    row = await transaction.one_or_none(
        _CHANGE, {"template": template_id, "known": version, "new_title": title, "new_text": text}
    )
    return None if row is None else Template(**row)


async def remove(transaction: Transaction, template_id: UUID) -> None:
    await transaction.execute(_REMOVE, {"template": template_id})
