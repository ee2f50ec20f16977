"""The worker process: every subscription and every clock, on one screen."""

from foyer_chassis.broker import Broker
from foyer_chassis.db import Database
from foyer_chassis.fanout import FanoutPublisher
from foyer_chassis.process import WorkerParts
from foyer_chassis.settings import ServiceSettings

from . import clock
from .consumers import SUBSCRIPTIONS
from .settings import Settings
from .use_cases.conversations import CHANGED


def build_worker(settings: ServiceSettings, database: Database) -> WorkerParts:
    assert isinstance(settings, Settings)
    files = settings.sent_files()
    notices = FanoutPublisher(Broker(settings.amqp_url, "chat"))
    database.tell_by(CHANGED, notices.notify)
    return WorkerParts(
        subscriptions=SUBSCRIPTIONS,
        loops=[
            clock.sweeper(database, files.storage, every_seconds=settings.file_sweep_seconds, lease=files.rules.lease)
        ],
        close=[files.storage.close, notices.close],
    )
