"""The HTTP process."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI
from foyer_chassis.changes import Changes
from foyer_chassis.http import build_app as build
from foyer_chassis.settings import ServiceSettings

from .catalogue import routes as catalogue
from .customers import routes as customers
from .customers.use_cases import KnownPeople
from .ordering import routes as ordering
from .ordering.store import CHANGED_CHANNEL, NumberBlock
from .statuses import routes as statuses


def build_app(settings: ServiceSettings) -> FastAPI:
    changes = Changes(settings.database_url, CHANGED_CHANNEL)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with changes.listening():
            yield

    app = build(
        "orders",
        settings,
        [catalogue.router, statuses.router, customers.router, ordering.router],
        description="Catalogue, customers and orders, from placing to done or cancelled.",
        lifespan=lifespan,
    )
    app.state.changes = changes
    app.state.numbers = NumberBlock()
    app.state.known_people = KnownPeople()
    return app
