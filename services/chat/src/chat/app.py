"""The HTTP process."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI
from foyer_chassis.broker import Broker
from foyer_chassis.files.pictures import Pictures
from foyer_chassis.http import build_app as build
from foyer_chassis.settings import ServiceSettings

from .routes import conversations, dialogs, files, live, templates
from .routes.hub import Hub
from .settings import Settings
from .texts import Texts


def build_app(settings: ServiceSettings) -> FastAPI:
    assert isinstance(settings, Settings)
    texts = Texts()
    sent_files = settings.sent_files()

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        app.state.hub = Hub(app.state.database, Broker(settings.amqp_url, "chat"))
        async with app.state.hub.running():
            yield
        await sent_files.storage.close()

    app = build(
        "chat",
        settings,
        [conversations.router(texts), files.router, dialogs.router, templates.router, live.router(texts)],
        description="Dialogs before an order; the conversation of each order: a public thread with the applicant, "
        "an internal one for staff.",
        lifespan=lifespan,
    )
    app.state.files = sent_files
    app.state.pictures = Pictures()
    return app
