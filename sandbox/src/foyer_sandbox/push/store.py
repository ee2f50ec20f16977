"""Messages that were taken, in one sqlite file."""

import json
import secrets
import time
from typing import Any

from foyer_sandbox import switches
from foyer_sandbox.database import Database
from foyer_sandbox.push import account, browsers, sms, telegram

MAX_MESSAGES = 200_000

SCHEMA = (
    switches.SCHEMA
    + account.SCHEMA
    + browsers.SCHEMA
    + sms.SCHEMA
    + telegram.SCHEMA
    + """
CREATE TABLE IF NOT EXISTS messages (number INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, target TEXT NOT NULL,
    accepted_at REAL NOT NULL, document TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS messages_target ON messages (target, number);
"""
)


class Store:
    """Keeps the latest `MAX_MESSAGES` messages."""

    def __init__(self, database: Database) -> None:
        self.database = database

    def add(self, project: str, message: dict[str, Any], now: float) -> str:
        """Keep a message; its name."""
        name = new_name(project)
        target = message.get("token") or message.get("topic") or message["condition"]
        with self.database.transaction():
            cursor = self.database.execute(
                "INSERT INTO messages (name, target, accepted_at, document) VALUES (?, ?, ?, ?)",
                name,
                target,
                now,
                json.dumps(message, ensure_ascii=False),
            )
            self.database.execute("DELETE FROM messages WHERE number <= ?", (cursor.lastrowid or 0) - MAX_MESSAGES)
        return name

    def messages(self, token: str | None, limit: int) -> list[dict[str, Any]]:
        """Newest first; of one device token (or topic) or of all."""
        rows = self.database.rows(
            "SELECT name, accepted_at, document FROM messages WHERE ? IS NULL OR target = ? "
            "ORDER BY number DESC LIMIT ?",
            token,
            token,
            limit,
        )
        return [
            {"name": row["name"], "accepted_at": row["accepted_at"], "message": json.loads(row["document"])}
            for row in rows
        ]

    def count(self) -> int:
        """How many are kept."""
        row = self.database.row("SELECT count(*) AS n FROM messages")
        return int(row["n"]) if row else 0

    def clear(self) -> None:
        """Forget all messages, of every kind."""
        for table in ("messages", "browser_messages", "sms", "telegram_messages"):
            self.database.execute(f"DELETE FROM {table}")  # noqa: S608


def new_name(project: str) -> str:
    """A name of the gateway's form."""
    return f"projects/{project}/messages/0:{int(time.time() * 1_000_000)}%{secrets.token_hex(8)}"
