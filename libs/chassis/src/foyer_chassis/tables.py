"""The chassis's own tables, which every service's database has: outbox, inbox, idempotency keys."""

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB, UUID

#: What a service's database has of PostgreSQL's own extensions: places that exclude each other, and lists by several
#: columns and words at once.
EXTENSIONS = ("btree_gist", "btree_gin", "pg_trgm")


def outbox_table(metadata: sa.MetaData) -> sa.Table:
    """Events to publish. The relay deletes them when the broker has confirmed; what stays has `parked_reason`."""
    return sa.Table(
        "outbox",
        metadata,
        sa.Column("position", sa.BigInteger, sa.Identity(always=True), primary_key=True),
        sa.Column("event_id", UUID(as_uuid=True), nullable=False),
        sa.Column("exchange", sa.Text, nullable=False),
        sa.Column("type", sa.Text, nullable=False),
        sa.Column("body", sa.LargeBinary, nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.func.now()),
        sa.Column("parked_reason", sa.Text),
    )


def inbox_table(metadata: sa.MetaData) -> sa.Table:
    """Ids of the events whose effect is in this database."""
    return sa.Table(
        "inbox",
        metadata,
        sa.Column("event_id", UUID(as_uuid=True), primary_key=True),
        sa.Column("handled_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.func.now(), index=True),
    )


def idempotency_table(metadata: sa.MetaData) -> sa.Table:
    """The answer that was given for a caller's key on a route, to be given again."""
    return sa.Table(
        "idempotency_keys",
        metadata,
        sa.Column("caller_id", UUID(as_uuid=True), primary_key=True),
        sa.Column("route", sa.Text, primary_key=True),
        sa.Column("key", sa.Text, primary_key=True),
        sa.Column("request_hash", sa.LargeBinary, nullable=False),
        sa.Column("status", sa.SmallInteger, nullable=False),
        sa.Column("headers", JSONB, nullable=False),
        sa.Column("body", sa.LargeBinary, nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.func.now(), index=True),
    )


def add_chassis_tables(metadata: sa.MetaData) -> None:
    """Put the chassis's tables into a service's metadata, so that its migrations make and check them."""
    outbox_table(metadata)
    inbox_table(metadata)
    idempotency_table(metadata)


metadata = sa.MetaData()
outbox = outbox_table(metadata)
inbox = inbox_table(metadata)
idempotency_keys = idempotency_table(metadata)
