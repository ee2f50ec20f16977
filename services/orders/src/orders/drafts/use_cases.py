"""A draft is made, filled in, and becomes an order or is given up."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from uuid import UUID

from foyer_chassis.auth import Caller
from foyer_chassis.db import Transaction
from foyer_chassis.errors import NotFoundError, StaleError
from foyer_contracts.ids import new_id
from foyer_contracts.orders import DraftCreated, DraftDiscarded

from ..catalogue import store as catalogue
from ..catalogue.domain import UnknownOfferingError
from ..ordering import store as orders
from ..ordering.domain.order import Actor, Order
from ..ordering.use_cases.events import event_actor
from ..ordering.use_cases.placing import Placing, place_order
from ..statuses import store as statuses
from . import store
from .domain import Draft, DraftStatus


async def create_draft(
    transaction: Transaction,
    actor: Actor,
    *,
    applicant_id: UUID,
    offering_id: UUID,
    conversation_id: UUID | None,
    content: Mapping[str, Any],
    draft_id: UUID | None = None,
    may: Caller | None = None,
) -> Draft | None:
    """Begin an order (B27). None: the draft of that id was there already.

    Args:
        may: the caller whose role must be for orders of that kind; None where another service has seen to it.

    Raises:
        UnknownOfferingError, ForbiddenError.
    """
    offering = await catalogue.offering_by_id(transaction, offering_id)
    if offering is None or not offering.active:
        raise UnknownOfferingError(field="offering_id")
    if may is not None and not may.may("orders:place_for", offering.kind.value):
        may.require(f"orders:place_for:{offering.kind.value}")
    assert actor.id is not None
    draft = Draft(
        id=draft_id or new_id(),
        applicant_id=applicant_id,
        offering_id=offering_id,
        offering_title=offering.title,
        kind=offering.kind.value,
        conversation_id=conversation_id,
        content=content,
        status=DraftStatus.OPEN,
        created_by=actor.id,
        created_at=transaction.now,
        updated_at=transaction.now,
        version=1,
    )
    if not await store.add(transaction, draft):
        return None
    transaction.publish(
        DraftCreated(
            draft_id=draft.id,
            applicant_id=applicant_id,
            offering_id=offering_id,
            offering_title=offering.title,
            conversation_id=conversation_id,
            actor=event_actor(actor),
        ),
        subject=draft.id,
        sequence=draft.version,
    )
    return draft


def is_applicant(caller: Caller, draft: Draft) -> bool:
    return draft.applicant_id == caller.id and caller.may("orders:place")


async def visible_draft(transaction: Transaction, caller: Caller, draft_id: UUID, *, lock: bool = False) -> Draft:
    """Raises NotFoundError: the caller is neither its applicant nor staff for its kind."""
    draft = await store.draft_by_id(transaction, draft_id, lock=lock)
    if draft is None or not (is_applicant(caller, draft) or caller.may("orders:place_for", draft.kind)):
        raise NotFoundError
    return draft


async def change_draft(
    transaction: Transaction, caller: Caller, draft_id: UUID, content: Mapping[str, Any], *, if_version: int
) -> Draft:
    """Raises NotFoundError, StaleError, DraftClosedError."""
    draft = await _open_draft(transaction, caller, draft_id, if_version)
    changed = replace(draft, content=content, updated_at=transaction.now, version=draft.version + 1)
    await store.save(transaction, changed)
    return changed


async def submit_draft(
    transaction: Transaction,
    caller: Caller,
    draft_id: UUID,
    placing: Placing,
    numbers: orders.NumberBlock,
    *,
    if_version: int | None,
) -> Order:
    """The draft becomes an order, with everything that placing one checks.

    Raises:
        NotFoundError, StaleError, DraftClosedError, and what `place_order` raises.
    """
    draft = await _open_draft(transaction, caller, draft_id, if_version)
    directory = await statuses.directory(transaction)
    order = await place_order(await transaction.direct(), placing, numbers, directory)
    await orders.add(transaction, order, placing.actor)
    ordered = replace(
        draft,
        status=DraftStatus.ORDERED,
        order_number=order.number,
        updated_at=transaction.now,
        version=draft.version + 1,
    )
    await store.save(transaction, ordered)
    return order


async def discard_draft(transaction: Transaction, caller: Caller, draft_id: UUID) -> None:
    """Raises NotFoundError, DraftClosedError."""
    draft = await _open_draft(transaction, caller, draft_id, None)
    actor = Actor("customer" if is_applicant(caller, draft) else "staff", caller.id)
    gone = replace(draft, status=DraftStatus.DISCARDED, updated_at=transaction.now, version=draft.version + 1)
    await store.save(transaction, gone)
    transaction.publish(
        DraftDiscarded(
            draft_id=draft.id,
            applicant_id=draft.applicant_id,
            conversation_id=draft.conversation_id,
            actor=event_actor(actor),
        ),
        subject=draft.id,
        sequence=gone.version,
    )


async def _open_draft(transaction: Transaction, caller: Caller, draft_id: UUID, if_version: int | None) -> Draft:
    draft = await visible_draft(transaction, caller, draft_id, lock=True)
    draft.check_open()
    if if_version is not None and draft.version != if_version:
        raise StaleError(version=draft.version)
    return draft
