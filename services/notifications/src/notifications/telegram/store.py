from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from foyer_chassis.db import Transaction
from sqlalchemy.dialects.postgresql import insert

from .tables import telegram_chats, telegram_links

_LINKED = sa.select(telegram_chats.c.person_id).where(
    telegram_chats.c.person_id.in_(sa.bindparam("persons", expanding=True))
)
_CHAT = sa.select(telegram_chats.c.chat_id).where(telegram_chats.c.person_id == sa.bindparam("person"))
_PERSON = sa.select(telegram_chats.c.person_id).where(telegram_chats.c.chat_id == sa.bindparam("chat"))
_new_link = insert(telegram_links)
_OFFER = _new_link.on_conflict_do_update(
    index_elements=["person_id"],
    set_={name: _new_link.excluded[name] for name in ("token_hash", "expires_at")},
)
_TAKE = (
    sa.delete(telegram_links)
    .where(telegram_links.c.token_hash == sa.bindparam("of_token"), telegram_links.c.expires_at > sa.bindparam("now"))
    .returning(telegram_links.c.person_id)
)
_LINKERS_IN_TURN = sa.select(sa.func.pg_advisory_xact_lock(sa.func.hashtext("telegram_chats")))
_UNLINK_CHAT = (
    sa.delete(telegram_chats)
    .where(telegram_chats.c.chat_id == sa.bindparam("of_chat"))
    .returning(telegram_chats.c.person_id)
)
_UNLINK_PERSON = sa.delete(telegram_chats).where(telegram_chats.c.person_id == sa.bindparam("of_person"))
_DROP_LINK = sa.delete(telegram_links).where(telegram_links.c.person_id == sa.bindparam("of_person"))
_ADD = insert(telegram_chats)


async def linked(transaction: Transaction, person_ids: Sequence[UUID]) -> frozenset[UUID]:
    """Those of these people who have a chat."""
    if not person_ids:
        return frozenset()
    return frozenset(row["person_id"] for row in await transaction.all(_LINKED, {"persons": list(person_ids)}))


async def chat_of(transaction: Transaction, person_id: UUID) -> int | None:
    row = await transaction.one_or_none(_CHAT, {"person": person_id})
    return None if row is None else int(row["chat_id"])


async def is_linked(transaction: Transaction, chat_id: int) -> bool:
    return await transaction.one_or_none(_PERSON, {"chat": chat_id}) is not None


async def offer(transaction: Transaction, person_id: UUID, token_hash: str, expires_at: datetime) -> None:
    """A link for this person; the one before it works no more."""
    await transaction.execute(_OFFER, {"person_id": person_id, "token_hash": token_hash, "expires_at": expires_at})


async def take(transaction: Transaction, token_hash: str) -> UUID | None:
    """Whose link it is; it is used up. None for one that is unknown, used or too old."""
    row = await transaction.one_or_none(_TAKE, {"of_token": token_hash, "now": transaction.now})
    return None if row is None else row["person_id"]


async def link(transaction: Transaction, person_id: UUID, chat_id: int) -> None:
    """The chat is this person's and no other one's; the person's former chat is nobody's."""
    await transaction.execute(_LINKERS_IN_TURN)
    await transaction.execute(_UNLINK_CHAT, {"of_chat": chat_id})
    await transaction.execute(_UNLINK_PERSON, {"of_person": person_id})
    await transaction.execute(_ADD, {"person_id": person_id, "chat_id": chat_id, "linked_at": transaction.now})


async def unlink_chat(transaction: Transaction, chat_id: int) -> None:
    await transaction.execute(_UNLINK_CHAT, {"of_chat": chat_id})


async def forget(transaction: Transaction, person_id: UUID) -> None:
    """The person's chat, and a link not yet followed."""
    await transaction.execute(_UNLINK_PERSON, {"of_person": person_id})
    await transaction.execute(_DROP_LINK, {"of_person": person_id})
