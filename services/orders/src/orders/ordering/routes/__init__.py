"""Orders over HTTP: `placing` them, `reading` them, `cancelling` them; `cards` is what an order looks like."""

from fastapi import APIRouter

from . import cancelling, placing, reading

router = APIRouter()
for part in (placing.router, reading.router, cancelling.router):
    router.include_router(part)
