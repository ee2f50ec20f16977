"""The HTTP process."""

from fastapi import FastAPI
from foyer_chassis.http import build_app as build
from foyer_chassis.settings import ServiceSettings

from .providing import webhooks
from .routes import routers
from .settings import Settings


def build_app(settings: ServiceSettings) -> FastAPI:
    assert isinstance(settings, Settings)
    hooks = [(provider, provider.webhook(settings.own(name))) for name, provider in settings.providers.items()]
    return build(
        "payments",
        settings,
        [*routers, webhooks.router(hooks, trusted_proxies=settings.trusted_proxies)],
        description="Invoices, payments at the provider, refunds, and the ledger of it all.",
    )
