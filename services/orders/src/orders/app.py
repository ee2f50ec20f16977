"""The HTTP process."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import sqlalchemy as sa
from fastapi import FastAPI
from foyer_chassis.changes import Changes
from foyer_chassis.http import build_app as build
from foyer_chassis.settings import ServiceSettings

from .attachments import routes as attachments
from .catalogue import routes as catalogue
from .collecting import routes as collecting
from .customers import routes as customers
from .customers.use_cases import KnownPeople
from .drafts import routes as drafts
from .listing import routes as listing
from .ordering import routes as ordering
from .ordering.store import CHANGED_CHANNEL, NumberBlock
from .personal_data import routes as personal_data
from .processing import routes as processing
from .rating import routes as rating
from .releasing import routes as releasing
from .settings import Settings
from .statuses import routes as statuses
from .storefront import routes as storefront

ROUTERS = [
    catalogue.router,
    statuses.router,
    # Before customers, whose `/customers/{id}` would take `/customers/me` of these for an id.
    personal_data.router,
    customers.router,
    # Before ordering, whose `/orders/{number}` would take `/orders/mine` for a number.
    listing.router,
    ordering.router,
    processing.router,
    attachments.router,
    storefront.router,
    collecting.router,
    drafts.router,
    releasing.router,
    rating.router,
]


def build_app(settings: ServiceSettings) -> FastAPI:
    assert isinstance(settings, Settings)
    changes = Changes(settings.database_url, CHANGED_CHANNEL)
    files = settings.order_files()

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with changes.listening():
            yield
        await files.storage.close()

    app = build(
        "orders",
        settings,
        ROUTERS,
        description="Catalogue, customers and orders, from placing to done or cancelled.",
        lifespan=lifespan,
    )
    sa.event.listen(app.state.database.engine.sync_engine, "connect", _plan_each_time)
    app.state.changes = changes
    app.state.files = files
    app.state.numbers = NumberBlock()
    app.state.known_people = KnownPeople()
    return app


def _plan_each_time(connection: Any, _record: object) -> None:
    """A list is asked for by busy assignees and by idle ones, by words that all orders have and by one that few have:
    one plan for all of them is the wrong one for some. What is hot has connections of its own (`Database.direct`)."""
    connection.run_async(lambda raw: raw.execute("SET plan_cache_mode = force_custom_plan"))
