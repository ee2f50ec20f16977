"""The identity process: discovery, keys, login page, tokens."""

import contextlib
import logging
from collections.abc import AsyncIterator
from typing import Any

from fastapi import FastAPI
from fastapi.middleware.cors import CORSMiddleware

from foyer_sandbox.database import Database
from foyer_sandbox.identity.controls import control_routes
from foyer_sandbox.identity.login import login_routes
from foyer_sandbox.identity.store import SCHEMA, Store
from foyer_sandbox.identity.token_endpoint import token_routes
from foyer_sandbox.identity.tokens import Mint
from foyer_sandbox.settings import ProcessSettings
from foyer_sandbox.web import add_front_doors, serve


class IdentitySettings(ProcessSettings):
    """`public_url` is the issuer. `redirect_prefixes` are more places to send codes to, separated by commas."""

    redirect_prefixes: str = ""


def create_app(settings: IdentitySettings) -> FastAPI:
    """The application with its state opened."""
    store = Store(Database(settings.state_dir, "identity", SCHEMA))
    mint = Mint(store, settings.public_url)

    @contextlib.asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        store.database.close()

    app = FastAPI(title="Foyer sandbox: identity", lifespan=lifespan)
    # Web apps on other origins fetch keys and tokens; no cookie is ever set here, so any origin may.
    app.add_middleware(CORSMiddleware, allow_origins=["*"], allow_methods=["*"], allow_headers=["*"])
    prefixes = tuple(prefix.strip() for prefix in settings.redirect_prefixes.split(",") if prefix.strip())
    app.include_router(login_routes(store, prefixes))
    app.include_router(token_routes(store, mint))
    app.include_router(control_routes(mint))
    add_front_doors(app)

    @app.get("/.well-known/openid-configuration", tags=["OpenID Connect"])
    async def discovery() -> dict[str, Any]:
        url = settings.public_url
        return {
            "issuer": url,
            "authorization_endpoint": f"{url}/authorize",
            "token_endpoint": f"{url}/token",
            "userinfo_endpoint": f"{url}/userinfo",
            "jwks_uri": f"{url}/jwks",
            "response_types_supported": ["code"],
            "response_modes_supported": ["query"],
            "grant_types_supported": ["authorization_code", "refresh_token", "password"],
            "code_challenge_methods_supported": ["S256"],
            "token_endpoint_auth_methods_supported": ["none"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["ES256"],
            "scopes_supported": ["openid", "profile", "email", "phone", "offline_access"],
            "claims_supported": [
                "sub",
                "name",
                "email",
                "phone_number",
                "locale",
                "roles",
                "locations",
                "preferred_username",
            ],
            "ui_locales_supported": ["ru", "en"],
        }

    @app.get("/jwks", tags=["OpenID Connect"])
    async def jwks() -> dict[str, Any]:
        return mint.public_keys()

    return app


def main() -> None:
    """Run until SIGTERM."""
    logging.basicConfig(level=logging.INFO)
    settings = IdentitySettings()
    serve(create_app(settings), settings)
