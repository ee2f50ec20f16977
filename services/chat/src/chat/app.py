"""The HTTP process."""

from fastapi import FastAPI
from foyer_chassis.http import build_app as build
from foyer_chassis.settings import ServiceSettings

from .routes import conversations, dialogs
from .texts import Texts


def build_app(settings: ServiceSettings) -> FastAPI:
    return build(
        "chat",
        settings,
        [conversations.router(Texts()), dialogs.router],
        description="Dialogs before an order; the conversation of each order: a public thread with the applicant, "
        "an internal one for staff.",
    )
