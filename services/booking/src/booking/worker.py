"""The worker process: every subscription and every loop, on one screen."""

from foyer_chassis.db import Database
from foyer_chassis.process import WorkerParts
from foyer_chassis.settings import ServiceSettings

from .calendars import consumers as calendars
from .claiming import clock as claiming_clock
from .classes import consumers as classes
from .coworking import consumers as coworking
from .hotel import consumers as hotel
from .lodging import clock as lodging_clock
from .lodging import consumers as lodging
from .reserving.clock import loops
from .reserving.consumers import subscriptions
from .reserving.use_cases import lock_places
from .resources import clock as resources_clock
from .settings import Settings
from .waiting import consumers as waiting


def build_worker(settings: ServiceSettings, database: Database) -> WorkerParts:
    assert isinstance(settings, Settings)
    return WorkerParts(
        subscriptions=[
            *subscriptions(default_hold_ttl_seconds=settings.hold_ttl_seconds),
            *waiting.SUBSCRIPTIONS,
            *classes.SUBSCRIPTIONS,
            *coworking.subscriptions(default_hold_ttl_seconds=settings.hold_ttl_seconds),
            *hotel.subscriptions(default_hold_ttl_seconds=settings.hold_ttl_seconds),
            *lodging.SUBSCRIPTIONS,
            *calendars.SUBSCRIPTIONS,
        ],
        loops=[
            *loops(database, every_seconds=settings.clock_seconds),
            *claiming_clock.loops(database),
            *resources_clock.loops(database),
            *lodging_clock.loops(database, every_seconds=settings.clock_seconds),
        ],
        prepare=lock_places,
    )
