"""Types of rooms with rates and extras, for everybody and for administrators; stays, for guests and the reception."""

from fastapi import APIRouter

from . import stays, types

router = APIRouter()
for part in (types, stays):
    for route in part.router.routes:
        router.routes.append(route)

__all__ = ["router"]
