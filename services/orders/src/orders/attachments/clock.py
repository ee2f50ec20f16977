"""Deletes the content of files that were removed, and whatever an upload that never ended has left."""

from datetime import timedelta

from foyer_chassis.clock import Loop
from foyer_chassis.db import Database
from foyer_chassis.files.leaving import sweep
from foyer_chassis.files.storage import Storage

from . import store


def sweeper(database: Database, storage: Storage, *, every_seconds: float, lease: timedelta) -> Loop:
    async def step() -> bool:
        return await sweep(database, storage, store, lease=lease)

    return Loop("order_files", step, every_seconds=every_seconds)
