"""The service account: its file for senders, and the OAuth tokens that its signed assertions buy."""

import json
import secrets
import uuid
from pathlib import Path
from typing import Any

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import RSAKey

from foyer_sandbox.database import Database

FILE_NAME = "service-account.json"
PROJECT = "foyer-sandbox"
SCOPES = {"https://www.googleapis.com/auth/firebase.messaging", "https://www.googleapis.com/auth/cloud-platform"}
GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
TOKEN_SECONDS = 3_599
MAX_ASSERTION_SECONDS = 3_600
CLOCK_SKEW_SECONDS = 60

SCHEMA = "CREATE TABLE IF NOT EXISTS access_tokens (token TEXT PRIMARY KEY, expires_at REAL NOT NULL);"


class GrantError(Exception):
    """OAuth's error code and what was wrong."""

    def __init__(self, code: str, description: str) -> None:
        super().__init__(description)
        self.code = code
        self.description = description


class ServiceAccount:
    """One account with one key, made at the first start."""

    def __init__(self, folder: Path, public_url: str, database: Database) -> None:
        """Write `service-account.json` if it is missing; an existing one keeps its key and learns a new address."""
        self._database = database
        path = folder / FILE_NAME
        account = json.loads(path.read_text()) if path.exists() else _new_account()
        account["token_uri"] = f"{public_url}/token"
        partial = path.with_suffix(".partial")
        partial.write_text(json.dumps(account, indent=2) + "\n")
        partial.replace(path)
        self.project: str = account["project_id"]
        self._email: str = account["client_email"]
        self._audience: str = account["token_uri"]
        self._key = RSAKey.import_key(account["private_key"])

    def access_token(self, assertion: str, now: float) -> str:
        """A bearer token for `TOKEN_SECONDS`; GrantError for an assertion that is not right in every claim."""
        try:
            claims = jwt.decode(assertion, self._key, algorithms=["RS256"]).claims
        except (JoseError, ValueError):
            raise GrantError("invalid_grant", "Invalid JWT Signature.") from None
        problem = self._problem(claims, now)
        if problem:
            raise problem
        token = f"ya29.sandbox.{secrets.token_urlsafe(48)}"
        with self._database.transaction():
            self._database.execute("DELETE FROM access_tokens WHERE expires_at < ?", now)
            self._database.execute("INSERT INTO access_tokens VALUES (?, ?)", token, now + TOKEN_SECONDS)
        return token

    def knows(self, token: str, now: float) -> bool:
        """Whether this is a token of ours that has not expired or been revoked."""
        return bool(self._database.row("SELECT 1 FROM access_tokens WHERE token = ? AND expires_at > ?", token, now))

    def revoke_all(self) -> None:
        """Make every access token worthless, as if all had expired."""
        self._database.execute("DELETE FROM access_tokens")

    def _problem(self, claims: dict[str, Any], now: float) -> GrantError | None:
        issued, expires = claims.get("iat"), claims.get("exp")
        if claims.get("iss") != self._email:
            return GrantError("invalid_grant", "Invalid issuer: Not a valid email or user ID.")
        if claims.get("aud") != self._audience:
            return GrantError("invalid_grant", f"Invalid JWT: aud must be {self._audience}")
        if not isinstance(issued, int | float) or not isinstance(expires, int | float):
            return GrantError("invalid_grant", "Invalid JWT: iat and exp are required numbers")
        in_frame = issued <= now + CLOCK_SKEW_SECONDS and now - CLOCK_SKEW_SECONDS < expires
        if not in_frame or expires - issued > MAX_ASSERTION_SECONDS:
            return GrantError(
                "invalid_grant",
                "Invalid JWT: Token must be a short-lived token (60 minutes) and in a reasonable timeframe. "
                "Check your iat and exp values in the JWT claim.",
            )
        if not SCOPES & set(str(claims.get("scope", "")).split()):
            return GrantError("invalid_scope", "Invalid OAuth scope or ID token audience provided.")
        return None


def _new_account() -> dict[str, Any]:
    key = RSAKey.generate_key(2048)
    return {
        "type": "service_account",
        "project_id": PROJECT,
        "private_key_id": uuid.uuid4().hex,
        "private_key": key.as_pem(private=True).decode(),
        "client_email": f"sender@{PROJECT}.iam.example.test",
        "client_id": str(secrets.randbelow(10**21)),
    }
