import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, UUID

from ..recipients.tables import metadata

#: `sequence` is the order's version that the status group is from; places carry the reservation's own.
order_copies = sa.Table(
    "order_copies",
    metadata,
    sa.Column("order_id", UUID(as_uuid=True), primary_key=True),
    sa.Column("sequence", sa.BigInteger, nullable=False),
    sa.Column("status_group", sa.Text),
    sa.Column("paid", sa.Boolean, nullable=False),
    sa.Column("facts", JSONB, nullable=False),
    sa.Column("places", JSONB(none_as_null=True)),
    sa.Column("reservation_id", UUID(as_uuid=True)),
    sa.Column("reservation_sequence", sa.BigInteger, nullable=False),
    sa.Column("kind", sa.Text),
    sa.Column("applicant_id", UUID(as_uuid=True)),
    sa.Column("responsible_ids", ARRAY(UUID(as_uuid=True)), nullable=False, server_default="{}"),
    sa.Column("assignee_id", UUID(as_uuid=True)),
    sa.Column("assignee_sequence", sa.BigInteger, nullable=False, server_default="-1"),
)

#: How many messages of the other side each side of a conversation has read, and when (by version) each wrote last.
conversation_copies = sa.Table(
    "conversation_copies",
    metadata,
    sa.Column("conversation_id", UUID(as_uuid=True), primary_key=True),
    sa.Column("customer_seen", sa.BigInteger, nullable=False),
    sa.Column("staff_seen", sa.BigInteger, nullable=False),
    sa.Column("customer_posted", sa.BigInteger, nullable=False),
    sa.Column("staff_posted", sa.BigInteger, nullable=False),
)

offering_copies = sa.Table(
    "offering_copies",
    metadata,
    sa.Column("offering_id", UUID(as_uuid=True), primary_key=True),
    sa.Column("title", sa.Text, nullable=False),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("sequence", sa.BigInteger, nullable=False),
)

#: Offers of the waiting list that were taken, or ended without: whatever comes late about them is no longer told.
offers_over = sa.Table(
    "offers_over",
    metadata,
    sa.Column("offer_id", UUID(as_uuid=True), primary_key=True),
    sa.Column("how", sa.Text, nullable=False),
    sa.Column("at", sa.DateTime(timezone=True), nullable=False),
    sa.CheckConstraint("how IN ('taken', 'ended')", name="offers_over_how"),
    sa.Index("offers_over_at", "at"),
)
