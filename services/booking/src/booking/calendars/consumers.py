"""What calendars hear: numbers of orders."""

from foyer_chassis.consumer import SubscribeMany
from foyer_contracts.orders import OrderPlaced

from . import use_cases

SUBSCRIPTIONS = [SubscribeMany(OrderPlaced, use_cases.note_orders)]
