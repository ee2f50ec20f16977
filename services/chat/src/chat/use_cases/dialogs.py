"""A customer asks before ordering; an operator answers and turns the dialog into a draft order."""

from uuid import UUID

from foyer_chassis.db import Transaction
from foyer_chassis.errors import ForbiddenError, NotFoundError
from foyer_contracts import chat as events
from foyer_contracts.ids import new_id

from ..domain.conversations import (
    DIALOGS_IN,
    MOST_DIALOGS,
    Conversation,
    Person,
    Thread,
    TooFastError,
    readable_threads,
)
from ..domain.dialogs import AlreadyOrderedError, DialogAlreadyOpenError, DraftAlreadyMadeError, Offering, askable
from ..store import conversations
from ..store import dialogs as store
from . import conversations as talking


async def learn_offering(transaction: Transaction, offering: Offering) -> None:
    """The catalogue changed; open dialogs go to those who are responsible now."""
    if await store.note_offering(transaction, offering):
        await conversations.refresh_dialogs(
            transaction,
            offering.offering_id,
            title=offering.title,
            responsible_ids=offering.responsible_ids,
            location_ids=offering.location_ids,
        )


async def open_dialog(transaction: Transaction, customer: Person, *, offering_id: UUID, text: str) -> Conversation:
    """A customer's first question about an offering.

    Raises:
        UnknownOfferingError, DialogNotOfferedError, DialogAlreadyOpenError
    """
    await not_too_many(transaction, customer)
    offering = askable(await store.offering(transaction, offering_id))
    opened = await conversations.open_dialog(
        transaction,
        new_id(),
        applicant_id=customer.id,
        applicant_name=customer.name,
        offering_id=offering.offering_id,
        offering_title=offering.title,
        kind=offering.kind,
        responsible_ids=offering.responsible_ids,
        location_ids=offering.location_ids,
    )
    if opened is None:
        known = await conversations.dialog_of(transaction, customer.id, offering_id)
        raise DialogAlreadyOpenError(dialog_id=str(known.id) if known else None)
    transaction.publish(
        events.DialogOpened(
            conversation_id=opened.id,
            customer_id=customer.id,
            offering_id=offering.offering_id,
            offering_title=offering.title,
            responsible_ids=list(offering.responsible_ids),
        ),
        subject=opened.id,
        sequence=opened.version,
    )
    await talking.add(
        transaction, opened, Thread.PUBLIC, author_kind="customer", author=customer, text=text, at=transaction.now
    )
    return await _present(transaction, opened.id)


async def not_too_many(transaction: Transaction, customer: Person) -> None:
    """Raises TooFastError when they have opened too many dialogs just now."""
    opened = await store.opened_lately(transaction, customer.id, after=transaction.now - DIALOGS_IN)
    if opened >= MOST_DIALOGS:
        raise TooFastError(retry_after_seconds=int(DIALOGS_IN.total_seconds()), allowed=MOST_DIALOGS)


async def dialog(transaction: Transaction, dialog_id: UUID, person: Person) -> Conversation:
    """A dialog, also one that became an order where the person may read that.

    Raises:
        NotFoundError: there is none that they may see.
    """
    found = await conversations.by_id(transaction, dialog_id)
    if found is None or found.offering_id is None or not readable_threads(found, person):
        raise NotFoundError
    return found


async def convert(transaction: Transaction, dialog_id: UUID, operator: Person) -> UUID:
    """An operator turns a dialog into a draft order: the id that orders will make it with.

    Raises:
        NotFoundError: there is no such dialog for them.
        ForbiddenError: they are its customer.
        AlreadyOrderedError, DraftAlreadyMadeError
    """
    found = await dialog(transaction, dialog_id, operator)
    if operator.id == found.applicant_id:
        raise ForbiddenError(needs=["chat:clients"])
    locked = await conversations.next_version(transaction, dialog_id)
    if locked.order_id is not None:
        raise AlreadyOrderedError(order_id=str(locked.order_id))
    draft_id = await store.begin_draft(transaction, dialog_id)
    if draft_id is None:
        live = (await store.live_drafts(transaction, [dialog_id])).get(dialog_id)
        raise DraftAlreadyMadeError(draft_id=str(live) if live else None)
    assert locked.offering_id is not None
    transaction.publish(
        events.DialogConverted(
            conversation_id=dialog_id,
            draft_id=draft_id,
            customer_id=locked.applicant_id,
            offering_id=locked.offering_id,
            operator_id=operator.id,
        ),
        subject=dialog_id,
        sequence=locked.version,
    )
    return draft_id


async def draft_created(transaction: Transaction, dialog_id: UUID, draft_id: UUID) -> Conversation | None:
    """Orders made the draft, of our conversion or by itself. The dialog, if there is such a one before an order."""
    found = await conversations.by_id(transaction, dialog_id, lock=True)
    if found is None or not found.is_dialog:
        return None
    await store.begin_draft(transaction, dialog_id, draft_id)
    return found


async def draft_ended(transaction: Transaction, dialog_id: UUID, draft_id: UUID) -> Conversation | None:
    """The draft was given up, or it was ordered; the dialog may be turned into another one. The dialog, if there is
    such a one before an order."""
    found = await conversations.by_id(transaction, dialog_id, lock=True)
    if found is None:
        return None
    await store.end_draft(transaction, dialog_id, draft_id)
    return found if found.is_dialog else None


async def _present(transaction: Transaction, conversation_id: UUID) -> Conversation:
    found = await conversations.by_id(transaction, conversation_id)
    assert found is not None
    return found
