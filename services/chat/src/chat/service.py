"""The service as its processes and tests see it."""

from pathlib import Path

from foyer_chassis.process import Service

from .app import build_app
from .settings import Settings
from .worker import build_worker

SERVICE = Service(
    name="chat",
    folder=Path(__file__).parents[2],
    settings=Settings,
    build_app=build_app,
    build_worker=build_worker,
)
