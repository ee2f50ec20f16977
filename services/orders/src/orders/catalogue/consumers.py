"""What the catalogue hears: one line per subscription."""

from foyer_chassis.consumer import Subscribe
from foyer_chassis.db import Transaction
from foyer_contracts.booking import LocationChanged, ResourceChanged
from foyer_contracts.envelope import Event

from . import store


async def _on_resource_changed(transaction: Transaction, event: Event[ResourceChanged]) -> None:
    await store.save_resource(transaction, event.data, event.sequence)


async def _on_location_changed(transaction: Transaction, event: Event[LocationChanged]) -> None:
    await store.save_location(transaction, event.data, event.sequence)


SUBSCRIPTIONS = [Subscribe(ResourceChanged, _on_resource_changed), Subscribe(LocationChanged, _on_location_changed)]
