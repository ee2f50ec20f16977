"""The worker process: every subscription and every loop."""

from foyer_chassis.db import Database
from foyer_chassis.process import WorkerParts
from foyer_chassis.settings import ServiceSettings

from .clock import Clock
from .consumers import prepare, subscriptions
from .providing import Connection
from .settings import Settings


def build_worker(settings: ServiceSettings, database: Database) -> WorkerParts:
    assert isinstance(settings, Settings)
    connection = Connection(
        return_url=settings.payment_return_url,
        timeout_seconds=settings.provider_timeout_seconds,
        connections=3 * settings.provider_concurrency,
        two_stage=settings.payment_stages == "two",
    )
    connected = {
        name: provider.connected(settings.own(name), connection) for name, provider in settings.providers.items()
    }
    clock = Clock(database, connected, settings)
    return WorkerParts(
        subscriptions=subscriptions(clock, settings),
        loops=clock.loops,
        prepare=prepare,
        close=tuple(item.close for item in connected.values()),
    )
