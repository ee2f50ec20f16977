"""Signing keys, codes and refresh tokens in one sqlite file."""

import hashlib
import json
import secrets
from typing import Any

from joserfc.jwk import ECKey

from foyer_sandbox.database import Database

CODE_SECONDS = 60
REFRESH_SECONDS = 30 * 86_400

SCHEMA = """
CREATE TABLE IF NOT EXISTS keys (number INTEGER PRIMARY KEY, private TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS codes (digest TEXT PRIMARY KEY, expires_at REAL NOT NULL, used INTEGER NOT NULL,
    family TEXT NOT NULL, document TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS refresh_tokens (digest TEXT PRIMARY KEY, expires_at REAL NOT NULL, used INTEGER NOT NULL,
    family TEXT NOT NULL, document TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS refresh_families ON refresh_tokens (family);
"""


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


class Store:
    """What the issuer must still know after a restart."""

    def __init__(self, database: Database) -> None:
        self.database = database
        if not self.keys():
            self.add_key()

    def keys(self) -> list[ECKey]:
        """All keys, the one that signs last."""
        rows = self.database.rows("SELECT private FROM keys ORDER BY number")
        return [ECKey.import_key(json.loads(row["private"])) for row in rows]

    def add_key(self) -> ECKey:
        """A new key that signs from now on; the older ones stay published."""
        key = ECKey.generate_key("P-256", {"use": "sig", "alg": "ES256"}, auto_kid=True)
        self.database.execute("INSERT INTO keys (private) VALUES (?)", json.dumps(key.as_dict(private=True)))
        return key

    def new_code(self, grant: dict[str, Any], now: float) -> str:
        """A code for `grant`, good once within `CODE_SECONDS`."""
        code = secrets.token_urlsafe(32)
        self.database.execute("DELETE FROM codes WHERE expires_at < ?", now - REFRESH_SECONDS)
        self.database.execute(
            "INSERT INTO codes VALUES (?, ?, 0, ?, ?)",
            _digest(code),
            now + CODE_SECONDS,
            secrets.token_hex(16),
            json.dumps(grant),
        )
        return code

    def new_refresh_token(self, grant: dict[str, Any], family: str | None, now: float) -> str:
        """A refresh token for `grant`, good once within `REFRESH_SECONDS`."""
        token = secrets.token_urlsafe(32)
        self.database.execute("DELETE FROM refresh_tokens WHERE expires_at < ?", now)
        self.database.execute(
            "INSERT INTO refresh_tokens VALUES (?, ?, 0, ?, ?)",
            _digest(token),
            now + REFRESH_SECONDS,
            family or secrets.token_hex(16),
            json.dumps(grant),
        )
        return token

    def take(self, table: str, secret: str, now: float) -> tuple[dict[str, Any], str] | None:
        """The grant and family of a code or refresh token, used up by this; a second use revokes the whole family."""
        assert table in {"codes", "refresh_tokens"}
        with self.database.transaction():
            row = self.database.row(f"SELECT * FROM {table} WHERE digest = ?", _digest(secret))  # noqa: S608
            if row is None or row["expires_at"] < now:
                return None
            if row["used"]:
                self.database.execute("DELETE FROM refresh_tokens WHERE family = ?", row["family"])
                return None
            self.database.execute(f"UPDATE {table} SET used = 1 WHERE digest = ?", _digest(secret))  # noqa: S608
            return json.loads(row["document"]), row["family"]
