"""`/sandbox`: the people, key rotation, and tokens made to order for tests."""

import time
from typing import Any

from fastapi import APIRouter, HTTPException, Request
from fastapi.responses import Response
from pydantic import BaseModel, Field

from foyer_sandbox.identity.people import PEOPLE, ROLE_NAMES
from foyer_sandbox.identity.tokens import ACCESS_SECONDS, Mint
from foyer_sandbox.web import page


class TokenOrder(BaseModel):
    """An access token for `username`; a negative lifetime makes one that has expired, `claims` replace the usual."""

    username: str
    lifetime_seconds: int = Field(default=ACCESS_SECONDS, ge=-86_400, le=86_400)
    claims: dict[str, Any] = {}


def control_routes(mint: Mint) -> APIRouter:
    """All routes under `/sandbox`."""
    router = APIRouter(prefix="/sandbox", tags=["sandbox"])

    @router.get("", include_in_schema=False)
    async def index(request: Request) -> Response:
        keys = mint.public_keys()["keys"]
        return page(request, "identity.html", people=list(PEOPLE.values()), roles=ROLE_NAMES, keys=keys)

    @router.get("/people")
    async def people() -> list[dict[str, Any]]:
        """Everybody's claims; the password of each is `foyer`."""
        return [person.claims for person in PEOPLE.values()]

    @router.post("/rotate-keys")
    async def rotate_keys() -> dict[str, Any]:
        """Sign with a new key from now on; the old ones stay in `/jwks`."""
        return {"kid": mint.rotate(), "published": [key["kid"] for key in mint.public_keys()["keys"]]}

    @router.post("/tokens")
    async def tokens(order: TokenOrder) -> dict[str, str]:
        """A properly signed access token with whatever claims a test wants."""
        if order.username not in PEOPLE:
            raise HTTPException(404, "no such person")
        now = time.time()
        changed = {"exp": int(now) + order.lifetime_seconds} | order.claims
        return {"access_token": mint.access_token(PEOPLE[order.username], "foyer-demo", "openid", now, **changed)}

    return router
