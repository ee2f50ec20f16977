"""Switches: how a test or a person makes a sandbox process misbehave, kept over restarts."""

import json
from typing import Any, Generic, TypeVar

from fastapi import APIRouter, Body
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from foyer_sandbox.database import Database

SCHEMA = "CREATE TABLE IF NOT EXISTS switches (only_row INTEGER PRIMARY KEY CHECK (only_row = 1), value TEXT NOT NULL);"


class Switches(BaseModel):
    """Base of a process's switches: an unknown name is an error, not a silent nothing."""

    model_config = ConfigDict(extra="forbid")


class Counted(Switches):
    """A switch that turns itself off after `count` uses."""

    count: int = Field(default=1, ge=1, le=1_000_000)


class Fault(Counted):
    """Answer the next `count` requests under `path_prefix` with this HTTP status, doing none of the work."""

    path_prefix: str = "/"
    status: int = Field(ge=400, le=599)
    retry_after_seconds: int | None = Field(default=None, ge=0, le=86_400)


S = TypeVar("S", bound=Switches)


class SwitchBoard(Generic[S]):
    """The present switches of a process."""

    def __init__(self, database: Database, model: type[S]) -> None:
        """Read what an earlier run left, else the defaults of `model`."""
        self._database = database
        self._model = model
        row = database.row("SELECT value FROM switches")
        self.now: S = model.model_validate_json(row["value"]) if row else model()

    def replace(self, values: dict[str, Any]) -> S:
        """Set the given switches and every other one to its default."""
        return self._keep(self._model.model_validate(values))

    def change(self, values: dict[str, Any]) -> S:
        """Set the given switches, leave the others."""
        return self.replace(self.now.model_dump() | values)

    def use_up(self, name: str, item: Counted) -> None:
        """Count down `item` of the list switch `name`; at zero it goes."""
        left = []
        for entry in getattr(self.now, name):
            if entry is item:
                if entry.count > 1:
                    left.append(entry.model_copy(update={"count": entry.count - 1}))
            else:
                left.append(entry)
        self._keep(self.now.model_copy(update={name: left}))

    def _keep(self, value: S) -> S:
        self._database.execute(
            "INSERT INTO switches VALUES (1, ?) ON CONFLICT (only_row) DO UPDATE SET value = excluded.value",
            value.model_dump_json(),
        )
        self.now = value
        return value

    def fault_for(self, path: str) -> Fault | None:
        """The fault that this request runs into, already counted; for processes with a `fail_next` of `Fault`s."""
        for fault in getattr(self.now, "fail_next", ()):
            if path.startswith(fault.path_prefix):
                self.use_up("fail_next", fault)
                found: Fault = fault
                return found
        return None


def switch_routes(board: SwitchBoard[S]) -> APIRouter:
    """`/sandbox/switches`: `GET`; `PUT` sets the rest to defaults, `PATCH` leaves it; `DELETE` sets all to defaults."""
    router = APIRouter(prefix="/sandbox/switches", tags=["switches"])

    def checked(set_switches: Any, values: dict[str, Any]) -> dict[str, Any]:
        try:
            result: Switches = set_switches(values)
        except ValidationError as error:
            raise RequestValidationError(json.loads(error.json(include_url=False))) from error
        return result.model_dump()

    @router.get("")
    async def read() -> dict[str, Any]:
        return board.now.model_dump()

    @router.put("")
    async def replace(values: dict[str, Any] = Body()) -> dict[str, Any]:
        return checked(board.replace, values)

    @router.patch("")
    async def change(values: dict[str, Any] = Body()) -> dict[str, Any]:
        return checked(board.change, values)

    @router.delete("")
    async def reset() -> dict[str, Any]:
        return checked(board.replace, {})

    return router
