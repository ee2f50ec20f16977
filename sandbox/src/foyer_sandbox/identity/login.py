"""`/authorize`: the login page, and the code with PKCE that follows from it."""

import re
import time
from typing import Annotated
from urllib.parse import urlencode, urlsplit

from fastapi import APIRouter, Form, Request
from fastapi.responses import RedirectResponse, Response
from pydantic import BaseModel, ConfigDict

from foyer_sandbox.identity.people import PEOPLE, ROLE_NAMES
from foyer_sandbox.identity.store import Store
from foyer_sandbox.web import page

CLIENTS = {"foyer-demo", "foyer-console", "foyer-cabinet", "foyer-storefront"}
LOOPBACK = {"127.0.0.1", "localhost", "::1"}
_CHALLENGE = re.compile(r"[A-Za-z0-9_-]{43}")


class AuthorizeRequest(BaseModel):
    """The parameters of an authorization request (OpenID Connect Core 3.1.2.1, RFC 7636); others are ignored."""

    model_config = ConfigDict(extra="ignore")

    response_type: str = ""
    client_id: str = ""
    redirect_uri: str = ""
    scope: str = "openid"
    state: str = ""
    nonce: str = ""
    code_challenge: str = ""
    code_challenge_method: str = ""

    def error(self) -> tuple[str, str] | None:
        """OAuth's error code and words for it, if the request is not one that may get a code."""
        if self.response_type != "code":
            return "unsupported_response_type", "response_type must be code"
        if self.code_challenge_method != "S256" or not _CHALLENGE.fullmatch(self.code_challenge):
            return "invalid_request", "PKCE with S256 is required"
        return None


def may_redirect(uri: str, prefixes: tuple[str, ...]) -> bool:
    """Codes go to this machine, or to what the settings name; never anywhere else."""
    parts = urlsplit(uri)
    if parts.fragment or parts.username or "\\" in uri:
        return False
    local = parts.scheme in {"http", "https"} and parts.hostname in LOOPBACK
    return local or any(uri == prefix or uri.startswith(prefix.rstrip("/") + "/") for prefix in prefixes)


def login_routes(store: Store, prefixes: tuple[str, ...]) -> APIRouter:
    """The page (`GET`) and the choice made on it (`POST`)."""
    router = APIRouter(include_in_schema=False)

    def refused(request: Request, asked: AuthorizeRequest) -> Response | None:
        """A page when it would be unsafe to redirect, else OAuth's error by redirect, else nothing."""
        if asked.client_id not in CLIENTS or not may_redirect(asked.redirect_uri, prefixes):
            return page(request, "login.html", 400, people=[], asked={}, roles=ROLE_NAMES, problem=True)
        error = asked.error()
        return _back(asked, error=error[0], error_description=error[1]) if error else None

    @router.get("/authorize")
    async def show(request: Request) -> Response:
        asked = AuthorizeRequest.model_validate(dict(request.query_params))
        people = list(PEOPLE.values())
        return refused(request, asked) or page(
            request, "login.html", people=people, asked=asked.model_dump(), roles=ROLE_NAMES, problem=False
        )

    @router.post("/authorize")
    async def choose(request: Request, username: Annotated[str, Form()]) -> Response:
        form = await request.form()
        asked = AuthorizeRequest.model_validate({name: str(value) for name, value in form.items()})
        refusal = refused(request, asked)
        if refusal:
            return refusal
        if username not in PEOPLE:
            return _back(asked, error="access_denied", error_description="no such person")
        grant = asked.model_dump(include={"client_id", "redirect_uri", "scope", "nonce", "code_challenge"})
        return _back(asked, code=store.new_code(grant | {"username": username}, time.time()))

    return router


def _back(asked: AuthorizeRequest, **answer: str) -> Response:
    if asked.state:
        answer["state"] = asked.state
    joint = "&" if urlsplit(asked.redirect_uri).query else "?"
    return RedirectResponse(f"{asked.redirect_uri}{joint}{urlencode(answer)}", status_code=303)
