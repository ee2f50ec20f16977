"""The only queries of the Stripe stand-in: objects as documents, idempotency keys, events to deliver."""

import json
from typing import Any

from foyer_sandbox import switches
from foyer_sandbox.database import Database

SCHEMA = (
    switches.SCHEMA
    + """
CREATE TABLE IF NOT EXISTS objects (id TEXT PRIMARY KEY, kind TEXT NOT NULL, position INTEGER NOT NULL,
    due_at REAL, document TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS objects_kind ON objects (kind, position);
CREATE INDEX IF NOT EXISTS objects_due ON objects (due_at) WHERE due_at IS NOT NULL;
CREATE TABLE IF NOT EXISTS idempotency (key TEXT PRIMARY KEY, fingerprint TEXT NOT NULL, status INTEGER NOT NULL,
    body TEXT NOT NULL, created_at REAL NOT NULL);
CREATE TABLE IF NOT EXISTS events (id TEXT PRIMARY KEY, body TEXT NOT NULL, state TEXT NOT NULL, next_at REAL,
    attempts INTEGER NOT NULL, copies INTEGER NOT NULL, created_at REAL NOT NULL);
"""
)


class Store:
    """Everything in one sqlite file."""

    def __init__(self, database: Database) -> None:
        self.database = database

    def save(self, kind: str, document: dict[str, Any], *, due_at: float | None = None) -> None:
        """Insert or update an object."""
        self.database.execute(
            "INSERT INTO objects VALUES (?, ?, (SELECT coalesce(max(position), 0) + 1 FROM objects), ?, ?) "
            "ON CONFLICT (id) DO UPDATE SET document = excluded.document, due_at = excluded.due_at",
            document["id"],
            kind,
            due_at,
            json.dumps(document, ensure_ascii=False),
        )

    def get(self, kind: str, id_: str) -> dict[str, Any] | None:
        row = self.database.row("SELECT document FROM objects WHERE id = ? AND kind = ?", id_, kind)
        return dict(json.loads(row["document"])) if row else None

    def all(self, kind: str) -> list[dict[str, Any]]:
        """Newest first."""
        rows = self.database.rows("SELECT document FROM objects WHERE kind = ? ORDER BY position DESC", kind)
        return [json.loads(row["document"]) for row in rows]

    def due(self, now: float) -> list[tuple[str, dict[str, Any]]]:
        """Objects for which time has run out."""
        rows = self.database.rows("SELECT kind, document FROM objects WHERE due_at <= ? LIMIT 500", now)
        return [(row["kind"], json.loads(row["document"])) for row in rows]

    def remembered(self, key: str, since: float) -> tuple[str, int, str] | None:
        """Fingerprint, status and body of the answer that was given under an idempotency key."""
        row = self.database.row(
            "SELECT fingerprint, status, body FROM idempotency WHERE key = ? AND created_at >= ?", key, since
        )
        return (row["fingerprint"], row["status"], row["body"]) if row else None

    def remember(self, key: str, fingerprint: str, status: int, body: str, now: float) -> None:
        self.database.execute(
            "INSERT OR REPLACE INTO idempotency VALUES (?, ?, ?, ?, ?)", key, fingerprint, status, body, now
        )

    def add_event(self, id_: str, body: str, *, lost: bool, copies: int, now: float) -> None:
        state, at = ("dropped", None) if lost else ("pending", now)
        self.database.execute("INSERT INTO events VALUES (?, ?, ?, ?, 0, ?, ?)", id_, body, state, at, copies, now)

    def due_events(self, now: float) -> list[dict[str, Any]]:
        rows = self.database.rows(
            "SELECT * FROM events WHERE state = 'pending' AND next_at <= ? ORDER BY created_at LIMIT 32", now
        )
        return [dict(row) for row in rows]

    def event_went(self, id_: str, *, delivered: bool, next_at: float | None) -> None:
        self.database.execute(
            "UPDATE events SET state = ?, next_at = ?, attempts = attempts + 1 WHERE id = ?",
            "delivered" if delivered else "pending" if next_at is not None else "given_up",
            next_at,
            id_,
        )

    def redeliver(self, now: float) -> None:
        self.database.execute("UPDATE events SET state = 'pending', next_at = ?, attempts = 0", now)
