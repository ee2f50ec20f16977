"""The worker process: every subscription and every loop."""

from typing import Any

from foyer_chassis.db import Database
from foyer_chassis.process import WorkerParts
from foyer_chassis.settings import ServiceSettings

from .clock import Clock
from .consumers import prepare, subscriptions
from .providers.stripe import Stripe
from .providers.stripe_disputes import StripeDisputes
from .providers.yookassa import YooKassa
from .settings import Settings


def build_worker(settings: ServiceSettings, database: Database) -> WorkerParts:
    assert isinstance(settings, Settings)
    common: dict[str, Any] = {
        "return_url": settings.payment_return_url,
        "timeout_seconds": settings.provider_timeout_seconds,
        "connections": 3 * settings.provider_concurrency,
        "two_stage": settings.payment_stages == "two",
    }
    yookassa = YooKassa(
        url=settings.yookassa_url,
        shop_id=settings.yookassa_shop_id,
        secret_key=settings.yookassa_secret_key.get_secret_value(),
        **common,
    )
    stripe = Stripe(url=settings.stripe_url, secret_key=settings.stripe_secret_key.get_secret_value(), **common)
    clock = Clock(
        database,
        {yookassa.name: yookassa, stripe.name: stripe},
        settings,
        closer=yookassa,
        arbiters={stripe.name: StripeDisputes(stripe)},
        keepers={stripe.name: stripe},
    )
    return WorkerParts(
        subscriptions=subscriptions(clock, provider=settings.payment_provider),
        loops=clock.loops,
        prepare=prepare,
        close=(yookassa.close, stripe.close),
    )
