"""What others say: events that wait for their order, locations."""

import json
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from foyer_chassis.db import Transaction
from foyer_contracts.catalogue import BY_TYPE, envelope_of
from foyer_contracts.envelope import Event
from sqlalchemy.dialects.postgresql import insert

from ..domain.conversations import Conversation
from ..tables import early_events, locations

_KEEP_EARLY = insert(early_events).on_conflict_do_nothing()
_TAKE_EARLY = (
    sa.delete(early_events).where(early_events.c.order_id == sa.bindparam("order")).returning(early_events.c.body)
)
_new_location = insert(locations)
_NOTE_LOCATION = _new_location.on_conflict_do_update(
    index_elements=["location_id"],
    set_={"time_zone": _new_location.excluded.time_zone, "sequence": _new_location.excluded.sequence},
    where=locations.c.sequence < _new_location.excluded.sequence,
)
_ZONE = sa.select(locations.c.time_zone).where(locations.c.location_id == sa.bindparam("location"))


async def keep_early(transaction: Transaction, event: Event[Any]) -> None:
    """An event of an order that is not placed yet, as far as chat knows."""
    await transaction.execute(
        _KEEP_EARLY,
        {
            "event_id": event.id,
            "order_id": event.data.order_id,
            "type": event.type,
            "body": json.loads(event.to_json()),
            "received_at": transaction.now,
        },
    )


async def take_early(transaction: Transaction, order_id: UUID) -> list[Event[Any]]:
    """The events that came before the order's `placed`, in the order in which they happened."""
    rows = await transaction.all(_TAKE_EARLY, {"order": order_id})
    events = [envelope_of(BY_TYPE[row["body"]["type"]]).model_validate(row["body"]) for row in rows]
    return sorted(events, key=lambda event: (event.time, event.id))


async def note_location(transaction: Transaction, location_id: UUID, *, time_zone: str, sequence: int) -> None:
    await transaction.execute(
        _NOTE_LOCATION, {"location_id": location_id, "time_zone": time_zone, "sequence": sequence}
    )


async def time_zone_of(transaction: Transaction, conversation: Conversation) -> str | None:
    """The zone of the place that an order belongs to, where that is known."""
    for location_id in conversation.location_ids:
        if (row := await transaction.one_or_none(_ZONE, {"location": location_id})) is not None:
            return str(row["time_zone"])
    return None
