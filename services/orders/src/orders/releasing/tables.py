import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import UUID

from ..catalogue.tables import metadata

#: One row, once somebody has set something.
order_settings = sa.Table(
    "order_settings",
    metadata,
    sa.Column("singleton", sa.Boolean, primary_key=True, server_default=sa.true()),
    sa.Column("start_when_paid", sa.Boolean, nullable=False),
    sa.Column("wait_without_funds", sa.Boolean, nullable=False),
    sa.Column("waiting_status", sa.Text, nullable=False),
    sa.Column("mode", sa.Text, nullable=False),
    sa.Column("version", sa.Integer, nullable=False),
    sa.CheckConstraint("singleton", name="order_settings_one_row"),
)

#: Rules of customers and of discount groups, where they differ from the site's (C5).
release_rules = sa.Table(
    "release_rules",
    metadata,
    sa.Column("owner_kind", sa.Text, primary_key=True),
    sa.Column("owner_id", UUID(as_uuid=True), primary_key=True),
    sa.Column("mode", sa.Text, nullable=False),
    sa.CheckConstraint("owner_kind IN ('customer', 'discount_group')", name="release_rules_owner"),
)

#: Top-ups that have released what they release (C8), by their own identity and not by their event's.
released_top_ups = sa.Table(
    "released_top_ups",
    metadata,
    sa.Column("top_up_id", UUID(as_uuid=True), primary_key=True),
    sa.Column("at", sa.DateTime(timezone=True), nullable=False),
)
