import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, TSTZRANGE, UUID

from ..resources.tables import metadata
from .domain import TAKING

_TAKING = sa.text("status IN ({})".format(", ".join(f"'{status}'" for status in sorted(TAKING))))

reservations = sa.Table(
    "reservations",
    metadata,
    sa.Column("id", UUID(as_uuid=True), primary_key=True),
    sa.Column("order_id", UUID(as_uuid=True), nullable=False),
    sa.Column("resource_id", UUID(as_uuid=True), sa.ForeignKey("resources.id"), nullable=False),
    sa.Column("during", TSTZRANGE, nullable=False),
    sa.Column("slots", sa.Integer, nullable=False),
    sa.Column("quantity", sa.Integer, nullable=False, server_default="1"),
    # Whether its places are claimed; what the release before claims takes and frees, triggers claim (migration 0007).
    sa.Column("has_claims", sa.Boolean, nullable=False, server_default="false"),
    # The times of a booking that recurs; `during` is from the first to the last that are left.
    sa.Column("occurrences", JSONB),
    # The resources that times of it were moved to, where these are others than `resource_id`, that of the first time.
    sa.Column("elsewhere", ARRAY(UUID(as_uuid=True))),
    sa.Column("price_amount", sa.BigInteger, nullable=False),
    sa.Column("price_currency", sa.CHAR(3), nullable=False),
    sa.Column("status", sa.Text, nullable=False),
    sa.Column("expires_at", sa.DateTime(timezone=True)),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
    sa.Index("reservations_one_per_order", "order_id", unique=True, postgresql_where=_TAKING),
    sa.Index("reservations_order_id", "order_id"),
    sa.Index("reservations_of_resource", "resource_id", sa.text("lower(during)")),
    sa.Index("reservations_recurring", "resource_id", postgresql_where=sa.text("occurrences IS NOT NULL")),
    sa.Index(
        "reservations_elsewhere",
        "elsewhere",
        postgresql_using="gin",
        postgresql_where=sa.text("elsewhere IS NOT NULL"),
    ),
    sa.Index("reservations_due_expiry", "expires_at", postgresql_where=sa.text("status = 'held'")),
    sa.Index("reservations_due_start", sa.text("lower(during)"), postgresql_where=sa.text("status = 'confirmed'")),
    sa.Index("reservations_due_end", sa.text("upper(during)"), postgresql_where=sa.text("status = 'active'")),
    sa.CheckConstraint("slots > 0", name="reservations_slots"),
    sa.CheckConstraint("quantity > 0", name="reservations_quantity"),
)

order_copies = sa.Table(
    "order_copies",
    metadata,
    sa.Column("order_id", UUID(as_uuid=True), primary_key=True),
    sa.Column("applicant_id", UUID(as_uuid=True)),
    sa.Column("payer_kind", sa.Text),
    sa.Column("payer_sequence", sa.Integer, nullable=False, server_default="0"),
    sa.Column("sequence", sa.Integer, nullable=False),
    sa.Column("cancelled_reason", sa.Text),
    sa.Column("paid", sa.Boolean, nullable=False),
    # Steps of [hours before, percent] as they were when the order was placed; never changed. None: not told.
    sa.Column("cancellation", JSONB(none_as_null=True)),
)
