"""The worker process: every subscription and every clock, on one screen."""

from foyer_chassis.db import Database
from foyer_chassis.process import WorkerParts
from foyer_chassis.settings import ServiceSettings

from .attachments import clock as attachments
from .catalogue import consumers as catalogue
from .drafts import consumers as drafts
from .listing import clock as listing
from .ordering import consumers as ordering
from .processing import clock as processing
from .releasing import consumers as releasing
from .settings import Settings


def build_worker(settings: ServiceSettings, database: Database) -> WorkerParts:
    assert isinstance(settings, Settings)
    files = settings.order_files()
    return WorkerParts(
        subscriptions=[
            *catalogue.SUBSCRIPTIONS,
            *ordering.SUBSCRIPTIONS,
            *releasing.SUBSCRIPTIONS,
            *drafts.SUBSCRIPTIONS,
        ],
        loops=[
            processing.deadlines(database, every_seconds=settings.clock_seconds),
            listing.forgetting(database, every_seconds=settings.vocabulary_seconds),
            attachments.sweeper(
                database, files.storage, every_seconds=settings.file_sweep_seconds, lease=files.rules.lease
            ),
        ],
        close=[files.storage.close],
        prepare=ordering.lock_orders,
    )
