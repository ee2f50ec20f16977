"""The only queries of the provider."""

import json
from datetime import datetime
from typing import Any

from foyer_sandbox import switches
from foyer_sandbox.database import Database
from foyer_sandbox.provider.domain import Payment, Refund

GIVE_UP_AFTER_SECONDS = 86_400
"""How long a notification is posted again and again; counted anew by a redelivery."""

SCHEMA = (
    switches.SCHEMA
    + """
CREATE TABLE IF NOT EXISTS payments (id TEXT PRIMARY KEY, status TEXT NOT NULL, created_at REAL NOT NULL,
    due_at REAL, document TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS payments_due ON payments (due_at) WHERE due_at IS NOT NULL;
CREATE INDEX IF NOT EXISTS payments_created ON payments (created_at, id);
CREATE TABLE IF NOT EXISTS refunds (id TEXT PRIMARY KEY, payment_id TEXT NOT NULL, status TEXT NOT NULL,
    created_at REAL NOT NULL, due_at REAL, document TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS refunds_due ON refunds (due_at) WHERE due_at IS NOT NULL;
CREATE INDEX IF NOT EXISTS refunds_payment ON refunds (payment_id);
CREATE TABLE IF NOT EXISTS receipts (id TEXT PRIMARY KEY, payment_id TEXT NOT NULL, document TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS receipts_payment ON receipts (payment_id);
CREATE TABLE IF NOT EXISTS idempotence (key TEXT PRIMARY KEY, fingerprint TEXT NOT NULL, object_id TEXT NOT NULL,
    created_at REAL NOT NULL);
CREATE TABLE IF NOT EXISTS notifications (id INTEGER PRIMARY KEY, event TEXT NOT NULL, object_id TEXT NOT NULL,
    body TEXT NOT NULL, created_at REAL NOT NULL, state TEXT NOT NULL, next_attempt_at REAL, attempts INTEGER NOT NULL,
    copies INTEGER NOT NULL, give_up_at REAL NOT NULL, last_result TEXT, delivered_at REAL);
CREATE INDEX IF NOT EXISTS notifications_due ON notifications (next_attempt_at) WHERE state = 'pending';
CREATE INDEX IF NOT EXISTS notifications_object ON notifications (object_id);
"""
)


class Store:
    """Payments, refunds, idempotence keys and notifications in one sqlite file."""

    def __init__(self, database: Database) -> None:
        self.database = database

    def save_payment(self, payment: Payment) -> None:
        """Insert or update."""
        self.database.execute(
            "INSERT INTO payments VALUES (?, ?, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET status = excluded.status, "
            "due_at = excluded.due_at, document = excluded.document",
            payment.id,
            payment.status,
            payment.created_at.timestamp(),
            payment.due_at.timestamp() if payment.due_at else None,
            payment.model_dump_json(),
        )

    def payment(self, payment_id: str) -> Payment | None:
        """One payment."""
        row = self.database.row("SELECT document FROM payments WHERE id = ?", payment_id)
        return Payment.model_validate_json(row["document"]) if row else None

    def payments(self, status: str | None, since: float, before: tuple[float, str] | None, limit: int) -> list[Payment]:
        """Newest first, after the cursor `before`."""
        at, key = before or (float("inf"), "")
        rows = self.database.rows(
            "SELECT document FROM payments WHERE (? IS NULL OR status = ?) AND created_at >= ? "
            "AND (created_at, id) < (?, ?) ORDER BY created_at DESC, id DESC LIMIT ?",
            status,
            status,
            since,
            at,
            key,
            limit,
        )
        return [Payment.model_validate_json(row["document"]) for row in rows]

    def save_refund(self, refund: Refund) -> None:
        """Insert or update."""
        self.database.execute(
            "INSERT INTO refunds VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET status = excluded.status, "
            "due_at = excluded.due_at, document = excluded.document",
            refund.id,
            refund.payment_id,
            refund.status,
            refund.created_at.timestamp(),
            refund.due_at.timestamp() if refund.due_at else None,
            refund.model_dump_json(),
        )

    def refund(self, refund_id: str) -> Refund | None:
        """One refund."""
        row = self.database.row("SELECT document FROM refunds WHERE id = ?", refund_id)
        return Refund.model_validate_json(row["document"]) if row else None

    def refunds(self, payment_id: str | None, limit: int) -> list[Refund]:
        """Refunds of one payment or of all, newest first."""
        rows = self.database.rows(
            "SELECT document FROM refunds WHERE ? IS NULL OR payment_id = ? ORDER BY created_at DESC, id DESC LIMIT ?",
            payment_id,
            payment_id,
            limit,
        )
        return [Refund.model_validate_json(row["document"]) for row in rows]

    def add_receipt(self, receipt_id: str, payment_id: str, document: dict[str, Any]) -> None:
        """Keep a receipt that was made apart from its payment."""
        self.database.execute(
            "INSERT INTO receipts VALUES (?, ?, ?)", receipt_id, payment_id, json.dumps(document, ensure_ascii=False)
        )

    def receipt(self, receipt_id: str) -> dict[str, Any] | None:
        """One such receipt."""
        row = self.database.row("SELECT document FROM receipts WHERE id = ?", receipt_id)
        return dict(json.loads(row["document"])) if row else None

    def receipts(self, payment_id: str) -> list[dict[str, Any]]:
        """All such receipts of a payment."""
        rows = self.database.rows("SELECT document FROM receipts WHERE payment_id = ?", payment_id)
        return [json.loads(row["document"]) for row in rows]

    def due(self, now: datetime) -> tuple[list[Payment], list[Refund]]:
        """What time has run out for."""
        stamp = now.timestamp()
        payments = self.database.rows("SELECT document FROM payments WHERE due_at <= ? LIMIT 500", stamp)
        refunds = self.database.rows("SELECT document FROM refunds WHERE due_at <= ? LIMIT 500", stamp)
        return (
            [Payment.model_validate_json(row["document"]) for row in payments],
            [Refund.model_validate_json(row["document"]) for row in refunds],
        )

    def remembered(self, key: str, since: float) -> tuple[str, str] | None:
        """Fingerprint of the request made under an idempotence key and the object it ended in."""
        row = self.database.row(
            "SELECT fingerprint, object_id FROM idempotence WHERE key = ? AND created_at >= ?", key, since
        )
        return (row["fingerprint"], row["object_id"]) if row else None

    def remember(self, key: str, fingerprint: str, object_id: str, now: float) -> None:
        """Keep an idempotence key, replacing one that has run out."""
        self.database.execute(
            "INSERT OR REPLACE INTO idempotence VALUES (?, ?, ?, ?)", key, fingerprint, object_id, now
        )

    def forget_keys(self, before: float) -> None:
        """Delete idempotence keys that have run out."""
        self.database.execute("DELETE FROM idempotence WHERE created_at < ?", before)

    def add_notification(
        self, event: str, object_id: str, shown: dict[str, Any], *, now: float, at: float | None, copies: int
    ) -> int:
        """Keep a notification to be posted at `at`; with `None` it is lost on purpose."""
        body = json.dumps({"type": "notification", "event": event, "object": shown}, ensure_ascii=False)
        cursor = self.database.execute(
            "INSERT INTO notifications (event, object_id, body, created_at, state, next_attempt_at, attempts, copies, "
            "give_up_at) VALUES (?, ?, ?, ?, ?, ?, 0, ?, ?)",
            event,
            object_id,
            body,
            now,
            "dropped" if at is None else "pending",
            at,
            copies,
            (at or now) + GIVE_UP_AFTER_SECONDS,
        )
        assert cursor.lastrowid is not None
        return cursor.lastrowid

    def notification(self, notification_id: int) -> dict[str, Any] | None:
        """One notification with all its columns."""
        row = self.database.row("SELECT * FROM notifications WHERE id = ?", notification_id)
        return dict(row) if row else None

    def notifications(self, object_id: str | None, limit: int) -> list[dict[str, Any]]:
        """Notifications about one payment or refund, or of all, newest first; without their bodies."""
        return [
            dict(row)
            for row in self.database.rows(
                "SELECT id, event, object_id, created_at, state, next_attempt_at, attempts, copies, last_result, "
                "delivered_at FROM notifications WHERE ? IS NULL OR object_id = ? ORDER BY id DESC LIMIT ?",
                object_id,
                object_id,
                limit,
            )
        ]

    def due_notifications(self, now: float, limit: int) -> list[int]:
        """Pending notifications whose time has come, oldest attempt first."""
        rows = self.database.rows(
            "SELECT id FROM notifications WHERE state = 'pending' AND next_attempt_at <= ? "
            "ORDER BY next_attempt_at, id LIMIT ?",
            now,
            limit,
        )
        return [row["id"] for row in rows]

    def note_attempt(
        self, notification: dict[str, Any], state: str, next_attempt_at: float | None, result: str, now: float
    ) -> None:
        """Record how an attempt at `notification`, as read before it, went; unless a redelivery was asked for since."""
        self.database.execute(
            "UPDATE notifications SET state = ?, next_attempt_at = ?, last_result = ?, attempts = attempts + 1, "
            "delivered_at = CASE WHEN ? = 'delivered' THEN ? ELSE delivered_at END WHERE id = ? "
            "AND give_up_at = ?",
            state,
            next_attempt_at,
            result[:300],
            state,
            now,
            notification["id"],
            notification["give_up_at"],
        )

    def post_again(self, notification_id: int, now: float) -> None:
        """Make a notification due at once, whatever became of it, for another 24 hours."""
        self.database.execute(
            "UPDATE notifications SET state = 'pending', next_attempt_at = ?, attempts = 0, give_up_at = ? "
            "WHERE id = ?",
            now,
            now + GIVE_UP_AFTER_SECONDS,
            notification_id,
        )
