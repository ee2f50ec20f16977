"""People link their chat with the bot, and take it away again."""

from datetime import datetime
from uuid import UUID

from foyer_chassis.auth import Caller
from foyer_chassis.db import Transaction

from ..recipients import use_cases as recipients
from . import store
from .domain import LINK_LIVES, Reply, Start, Stop, hash_of, new_token, said


async def offer(transaction: Transaction, caller: Caller) -> tuple[str, datetime]:
    """A token that links whoever shows it to the bot, once, and until when."""
    await recipients.know(transaction, caller)
    token, expires_at = new_token(), transaction.now + LINK_LIVES
    await store.offer(transaction, caller.id, hash_of(token), expires_at)
    return token, expires_at


async def hear(transaction: Transaction, chat_id: int, text: str) -> Reply:
    """Somebody wrote to the bot in their private chat. What it answers."""
    match said(text):
        case Start(token):
            person_id = await store.take(transaction, hash_of(token))
            if person_id is None:
                # Telegram tells again what it had no answer to: the link is used up, and it was this chat's.
                return Reply.LINKED if await store.is_linked(transaction, chat_id) else Reply.NOT_LINKED
            await store.link(transaction, person_id, chat_id)
            return Reply.LINKED
        case Stop():
            await store.unlink_chat(transaction, chat_id)
            return Reply.STOPPED
        case None:
            return Reply.HELP


async def unlink(transaction: Transaction, person_id: UUID) -> None:
    await store.forget(transaction, person_id)
