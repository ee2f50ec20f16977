"""The HTTP process."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI
from foyer_chassis.http import build_app as build
from foyer_chassis.settings import ServiceSettings

from .routes import conversations, dialogs, live, templates
from .routes.hub import Hub
from .texts import Texts


def build_app(settings: ServiceSettings) -> FastAPI:
    texts = Texts()
    return build(
        "chat",
        settings,
        [conversations.router(texts), dialogs.router, templates.router, live.router(texts)],
        description="Dialogs before an order; the conversation of each order: a public thread with the applicant, "
        "an internal one for staff.",
        lifespan=_lifespan,
    )


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    app.state.hub = Hub(app.state.database)
    async with app.state.hub.running():
        yield
