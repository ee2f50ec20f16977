"""What the waiting list hears: one line per subscription."""

from foyer_chassis.consumer import Subscribe
from foyer_contracts.booking import ResourceChanged

from . import use_cases

SUBSCRIPTIONS = [Subscribe(ResourceChanged, use_cases.ask_again)]
