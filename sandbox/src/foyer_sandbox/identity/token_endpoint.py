"""`/token` and `/userinfo`."""

import base64
import hashlib
import secrets
import time
from typing import Annotated, Any

from fastapi import APIRouter, Form, Request
from fastapi.responses import JSONResponse
from pydantic import BaseModel

from foyer_sandbox.identity.login import CLIENTS
from foyer_sandbox.identity.people import PASSWORD, PEOPLE
from foyer_sandbox.identity.store import Store
from foyer_sandbox.identity.tokens import ACCESS_SECONDS, Mint

PASSWORD_CLIENTS = {"foyer-demo"}
NO_STORE = {"Cache-Control": "no-store"}


class TokenRequest(BaseModel):
    """The form of a token request; which fields count depends on the grant."""

    grant_type: str = ""
    client_id: str = ""
    code: str = ""
    redirect_uri: str = ""
    code_verifier: str = ""
    refresh_token: str = ""
    username: str = ""
    password: str = ""
    scope: str = "openid"


def token_routes(store: Store, mint: Mint) -> APIRouter:
    """Grants: authorization_code, refresh_token (each used once), password for the demo client."""
    router = APIRouter(tags=["OpenID Connect"])

    def tokens(grant: dict[str, Any], family: str | None) -> JSONResponse:
        now, person, scope = time.time(), PEOPLE[grant["username"]], grant["scope"]
        body = {
            "access_token": mint.access_token(person, grant["client_id"], scope, now),
            "token_type": "Bearer",
            "expires_in": ACCESS_SECONDS,
            "scope": scope,
            "refresh_token": store.new_refresh_token(grant, family, now),
        }
        if "openid" in scope.split():
            body["id_token"] = mint.id_token(person, grant["client_id"], grant.get("nonce"), now)
        return JSONResponse(body, headers=NO_STORE)

    @router.post("/token")
    async def token(form: Annotated[TokenRequest, Form()]) -> JSONResponse:
        if form.client_id not in CLIENTS:
            return _refuse("invalid_client", "unknown client_id", 401)
        if form.grant_type == "authorization_code":
            taken = store.take("codes", form.code, time.time())
            if taken is None:
                return _refuse("invalid_grant", "the code is unknown, used or too old")
            grant, family = taken
            asked = (grant["client_id"], grant["redirect_uri"], grant["code_challenge"])
            if asked != (form.client_id, form.redirect_uri, _challenge(form.code_verifier)):
                return _refuse("invalid_grant", "client_id, redirect_uri or code_verifier differ from the request")
            return tokens(grant, family)
        if form.grant_type == "refresh_token":
            taken = store.take("refresh_tokens", form.refresh_token, time.time())
            if taken is None or taken[0]["client_id"] != form.client_id:
                return _refuse("invalid_grant", "the refresh token is unknown, used or too old")
            return tokens(taken[0] | {"nonce": None}, taken[1])
        if form.grant_type == "password":
            if form.client_id not in PASSWORD_CLIENTS:
                return _refuse("unauthorized_client", "this client may not use passwords")
            if form.username not in PEOPLE or not secrets.compare_digest(form.password.encode(), PASSWORD.encode()):
                return _refuse("invalid_grant", "wrong name or password")
            return tokens({"client_id": form.client_id, "scope": form.scope, "username": form.username}, None)
        return _refuse("unsupported_grant_type", "authorization_code, refresh_token or password")

    @router.api_route("/userinfo", methods=["GET", "POST"])
    async def userinfo(request: Request) -> JSONResponse:
        scheme, _, given = request.headers.get("authorization", "").partition(" ")
        sub = mint.subject(given.strip(), time.time()) if scheme.lower() == "bearer" else None
        person = next((person for person in PEOPLE.values() if person.sub == sub), None)
        if person is None:
            challenge = {"WWW-Authenticate": 'Bearer error="invalid_token"'}
            return JSONResponse({"error": "invalid_token"}, status_code=401, headers=challenge)
        return JSONResponse(person.claims, headers=NO_STORE)

    return router


def _refuse(code: str, description: str, status: int = 400) -> JSONResponse:
    return JSONResponse({"error": code, "error_description": description}, status_code=status, headers=NO_STORE)


def _challenge(verifier: str) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
