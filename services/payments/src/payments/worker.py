"""The worker process: every subscription and every loop."""

from foyer_chassis.db import Database
from foyer_chassis.process import WorkerParts
from foyer_chassis.settings import ServiceSettings

from .clock import Clock
from .consumers import subscriptions
from .providers.yookassa import YooKassa
from .settings import Settings


def build_worker(settings: ServiceSettings, database: Database) -> WorkerParts:
    assert isinstance(settings, Settings)
    provider = YooKassa(
        url=settings.yookassa_url,
        shop_id=settings.yookassa_shop_id,
        secret_key=settings.yookassa_secret_key.get_secret_value(),
        return_url=settings.payment_return_url,
        timeout_seconds=settings.provider_timeout_seconds,
        connections=3 * settings.provider_concurrency,
    )
    clock = Clock(database, provider, settings)
    return WorkerParts(
        subscriptions=subscriptions(clock, provider=settings.payment_provider),
        loops=clock.loops,
        close=(provider.close,),
    )
