"""The worker process: every subscription, on one screen."""

from foyer_chassis.db import Database
from foyer_chassis.process import WorkerParts
from foyer_chassis.settings import ServiceSettings

from .consumers import SUBSCRIPTIONS


def build_worker(settings: ServiceSettings, database: Database) -> WorkerParts:
    return WorkerParts(subscriptions=SUBSCRIPTIONS)
