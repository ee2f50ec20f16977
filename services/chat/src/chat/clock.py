"""Deletes the content of files that are gone, never became whole, or were never sent."""

from datetime import timedelta

from foyer_chassis.clock import Loop
from foyer_chassis.db import Database
from foyer_chassis.files.leaving import sweep
from foyer_chassis.files.storage import Storage

from .store import files


def sweeper(database: Database, storage: Storage, *, every_seconds: float, lease: timedelta) -> Loop:
    async def step() -> bool:
        return await sweep(database, storage, files, lease=lease)

    return Loop("chat_files", step, every_seconds=every_seconds)
