"""The HTTP process."""

from fastapi import FastAPI
from foyer_chassis.http import build_app as build
from foyer_chassis.settings import ServiceSettings

from .availability import routes as availability
from .blocking import routes as blocking
from .calendars import routes as calendars
from .classes import routes as classes
from .coworking import routes as coworking
from .hotel import routes as hotel
from .keeping import routes as keeping
from .memberships import routes as memberships
from .recurring import routes as recurring
from .reserving import routes as reserving
from .resources import routes as resources
from .visitors import routes as visitors
from .waiting import routes as waiting


def build_app(settings: ServiceSettings) -> FastAPI:
    return build(
        "booking",
        settings,
        [
            resources.router,
            availability.router,
            recurring.router,
            reserving.router,
            waiting.router,
            keeping.router,
            blocking.router,
            visitors.router,
            memberships.router,
            classes.router,
            coworking.router,
            hotel.router,
            calendars.router,
        ],
        description="Resources and slots, never held by two; classes, memberships, coworking, hotel.",
    )
