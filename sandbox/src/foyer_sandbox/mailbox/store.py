"""Mails in one sqlite file."""

import email
import email.policy
import uuid
from email.message import EmailMessage
from typing import Any

from foyer_sandbox import switches
from foyer_sandbox.database import Database

MAX_MAILS = 200_000

SCHEMA = (
    switches.SCHEMA
    + """
CREATE TABLE IF NOT EXISTS mails (number INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, received_at REAL NOT NULL,
    sender TEXT NOT NULL, message_id TEXT NOT NULL, subject TEXT NOT NULL, raw BLOB NOT NULL);
CREATE INDEX IF NOT EXISTS mails_message_id ON mails (message_id);
CREATE TABLE IF NOT EXISTS recipients (mail INTEGER NOT NULL, address TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS recipients_address ON recipients (address, mail);
CREATE INDEX IF NOT EXISTS recipients_mail ON recipients (mail);
"""
)

_LISTED = (
    "SELECT number, id, received_at, sender, message_id, subject, length(raw) AS bytes, "
    "(SELECT group_concat(address, ' ') FROM recipients WHERE mail = number) AS addresses, "
    "(SELECT count(*) FROM mails AS same WHERE same.message_id = mails.message_id) AS copies FROM mails "
)


class Store:
    """Keeps the latest `MAX_MAILS` mails."""

    def __init__(self, database: Database) -> None:
        self.database = database

    def add(self, sender: str, recipients: list[str], raw: bytes, now: float) -> str:
        """Keep a mail as it came; its id."""
        mail_id = uuid.uuid4().hex
        parsed = parse(raw)
        with self.database.transaction():
            number = self.database.execute(
                "INSERT INTO mails (id, received_at, sender, message_id, subject, raw) VALUES (?, ?, ?, ?, ?, ?)",
                mail_id,
                now,
                sender,
                str(parsed.get("Message-ID", "")).strip(),
                str(parsed.get("Subject", "")),
                raw,
            ).lastrowid
            for address in dict.fromkeys(recipient.lower() for recipient in recipients):
                self.database.execute("INSERT INTO recipients VALUES (?, ?)", number, address)
            oldest = (number or 0) - MAX_MAILS
            self.database.execute("DELETE FROM mails WHERE number <= ?", oldest)
            self.database.execute("DELETE FROM recipients WHERE mail <= ?", oldest)
        return mail_id

    def mails(self, to: str | None, message_id: str | None, limit: int) -> list[dict[str, Any]]:
        """Newest first, without their content; of one recipient, of one Message-ID, or all."""
        rows = self.database.rows(
            f"{_LISTED} WHERE (? IS NULL OR number IN (SELECT mail FROM recipients WHERE address = ?)) "  # noqa: S608
            "AND (? IS NULL OR message_id = ?) ORDER BY number DESC LIMIT ?",
            to,
            to.lower() if to else None,
            message_id,
            message_id,
            limit,
        )
        return [_listed(dict(row)) for row in rows]

    def mail(self, mail_id: str) -> dict[str, Any] | None:
        """One mail with headers and content."""
        row = self.database.row(f"{_LISTED} WHERE id = ?", mail_id)
        raw = self.raw(mail_id)
        if row is None or raw is None:
            return None
        parsed = parse(raw)
        return _listed(dict(row)) | {
            "headers": [[name, str(value)] for name, value in parsed.items()],
            "text": _content(parsed, "plain"),
            "html": _content(parsed, "html"),
            "attachments": [
                {"name": part.get_filename() or "", "type": part.get_content_type()}
                for part in parsed.iter_attachments()
            ],
        }

    def raw(self, mail_id: str) -> bytes | None:
        """One mail as it came."""
        row = self.database.row("SELECT raw FROM mails WHERE id = ?", mail_id)
        return row["raw"] if row else None

    def count(self) -> int:
        """How many are kept."""
        row = self.database.row("SELECT count(*) AS n FROM mails")
        return int(row["n"]) if row else 0

    def delete(self, mail_id: str | None) -> int:
        """Delete one mail, or all; how many it was."""
        with self.database.transaction():
            gone = self.database.execute("DELETE FROM mails WHERE ? IS NULL OR id = ?", mail_id, mail_id).rowcount
            self.database.execute("DELETE FROM recipients WHERE mail NOT IN (SELECT number FROM mails)")
        return gone


def parse(raw: bytes) -> EmailMessage:
    """A mail's structure; broken ones come out as well as they can."""
    return email.message_from_bytes(raw, policy=email.policy.default)


def _listed(row: dict[str, Any]) -> dict[str, Any]:
    del row["number"]
    row["to"] = (row.pop("addresses") or "").split()
    if not row["message_id"]:
        row["copies"] = 1
    return row


def _content(mail: EmailMessage, kind: str) -> str | None:
    part = mail.get_body((kind,))
    if part is None:
        return None
    try:
        return str(part.get_content())
    except (LookupError, ValueError):
        payload = part.get_payload(decode=True)
        return payload.decode("utf-8", "replace") if isinstance(payload, bytes) else str(payload)
