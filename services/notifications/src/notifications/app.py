"""The HTTP process."""

from fastapi import FastAPI
from foyer_chassis.http import build_app as build
from foyer_chassis.settings import ServiceSettings

from .feed import routes as feed
from .recipients import routes as recipients
from .telling.routes import deliveries, preferences
from .texts.renderer import Renderer
from .webhooks import routes as webhooks


def build_app(settings: ServiceSettings) -> FastAPI:
    return build(
        "notifications",
        settings,
        [recipients.router, feed.router(Renderer()), deliveries.router, preferences.router, webhooks.router],
        description="Who was told what by which channel; the feed; where a person's messages go.",
    )
