"""The HTTP process."""

from fastapi import FastAPI
from foyer_chassis.http import build_app as build
from foyer_chassis.settings import ServiceSettings

from .routes import router
from .texts import Texts


def build_app(settings: ServiceSettings) -> FastAPI:
    return build(
        "chat",
        settings,
        [router(Texts())],
        description="The conversation of each order: a public thread with the applicant, an internal one for staff.",
    )
