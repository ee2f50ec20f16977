"""The worker process: every subscription, on one screen."""

from foyer_chassis.db import Database
from foyer_chassis.process import WorkerParts
from foyer_chassis.settings import ServiceSettings

from .catalogue import consumers as catalogue
from .ordering import consumers as ordering


def build_worker(settings: ServiceSettings, database: Database) -> WorkerParts:
    return WorkerParts(subscriptions=[*catalogue.SUBSCRIPTIONS, *ordering.SUBSCRIPTIONS], prepare=ordering.lock_orders)
