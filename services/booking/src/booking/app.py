"""The HTTP process."""

from fastapi import FastAPI
from foyer_chassis.http import build_app as build
from foyer_chassis.settings import ServiceSettings

from .reserving import routes as reserving
from .resources import routes as resources


def build_app(settings: ServiceSettings) -> FastAPI:
    return build(
        "booking",
        settings,
        [resources.router, reserving.router],
        description="Locations, resources and their slots; reservations that are never held by two.",
    )
