"""The HTTP process."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI
from foyer_chassis.changes import Changes
from foyer_chassis.http import build_app as build
from foyer_chassis.settings import ServiceSettings

from .channels.webpush import Vapid
from .feed import routes as feed
from .feed.domain import Streams
from .feed.store import CHANGED_CHANNEL
from .recipients import routes as recipients
from .settings import Settings
from .telegram import routes as telegram
from .telling.routes import deliveries, preferences, rules
from .texts.renderer import Renderer
from .webhooks import routes as webhooks


def build_app(settings: ServiceSettings) -> FastAPI:
    assert isinstance(settings, Settings)
    renderer = Renderer()
    changes = Changes(settings.database_url, CHANGED_CHANNEL)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        async with changes.listening():
            yield

    app = build(
        "notifications",
        settings,
        [
            recipients.router,
            feed.router(renderer),
            telegram.router(renderer),
            deliveries.router,
            preferences.router,
            rules.router,
            webhooks.router,
        ],
        description="Who was told what by which channel; the feed; where a person's messages go.",
        lifespan=lifespan,
    )
    vapid = Vapid.of_settings(settings)
    app.state.application_server_key = vapid.public_key if vapid is not None else None
    app.state.feed_changes = changes
    app.state.feed_streams = Streams(settings.feed_streams)
    return app
