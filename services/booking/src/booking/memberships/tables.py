import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, UUID

from ..resources.tables import metadata

ID = UUID(as_uuid=True)
INSTANT = sa.DateTime(timezone=True)

pass_numbers = sa.Sequence("pass_numbers", start=880_001, metadata=metadata)

groups = sa.Table(
    "groups",
    metadata,
    sa.Column("id", ID, primary_key=True),
    sa.Column("title", sa.Text, nullable=False, unique=True),
)

membership_types = sa.Table(
    "membership_types",
    metadata,
    sa.Column("id", ID, primary_key=True),
    sa.Column("title", sa.Text, nullable=False),
    sa.Column("permanent", sa.Boolean, nullable=False),
    sa.Column("visits", sa.Integer),
    sa.Column("valid_days", sa.Integer),
    sa.Column("group_ids", ARRAY(ID), nullable=False),
    sa.Column("active", sa.Boolean, nullable=False),
    sa.Column("version", sa.Integer, nullable=False),
)

#: Orders of memberships; their pass is issued when they are paid. `paid_amount`: what came in, `refunded_amount`: what
#: went back of it. Money that is told of before its order makes a row without a type.
pass_orders = sa.Table(
    "pass_orders",
    metadata,
    sa.Column("order_id", ID, primary_key=True),
    sa.Column("type_id", ID),
    sa.Column("buyer_id", ID),
    sa.Column("paid_amount", sa.BigInteger, nullable=False, server_default="0"),
    sa.Column("refunded_amount", sa.BigInteger, nullable=False, server_default="0"),
)

passes = sa.Table(
    "passes",
    metadata,
    sa.Column("id", ID, primary_key=True),
    sa.Column("number", sa.BigInteger, nullable=False, unique=True),
    sa.Column("type_id", ID, sa.ForeignKey("membership_types.id"), nullable=False),
    sa.Column("title", sa.Text, nullable=False),
    sa.Column("order_id", ID),
    sa.Column("buyer_id", ID, nullable=False),
    sa.Column("code_key", sa.Text, nullable=False),
    sa.Column("code_hash", sa.LargeBinary, nullable=False),
    sa.Column("guesses", sa.SmallInteger, nullable=False),
    sa.Column("status", sa.Text, nullable=False),
    sa.Column("visits_left", sa.Integer),
    sa.Column("valid_days", sa.Integer),
    sa.Column("group_ids", ARRAY(ID), nullable=False),
    sa.Column("visitor_id", ID, sa.ForeignKey("visitors.id")),
    sa.Column("valid_from", INSTANT),
    sa.Column("valid_until", INSTANT),
    sa.Column("frozen_until", INSTANT),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("created_at", INSTANT, nullable=False),
    sa.UniqueConstraint("order_id", name="passes_one_per_order"),
    sa.Index("passes_by_code", "code_key", postgresql_where=sa.text("status = 'issued'")),
    sa.Index("passes_unattached", "id", postgresql_where=sa.text("status IN ('issued', 'activated')")),
    sa.Index("passes_of_visitor", "visitor_id", postgresql_where=sa.text("visitor_id IS NOT NULL")),
    sa.Index("passes_of_buyer", "buyer_id", "id"),
    sa.CheckConstraint("visits_left >= 0", name="passes_visits"),
    sa.CheckConstraint("(status = 'attached') <= (visitor_id IS NOT NULL)", name="passes_attached_to_somebody"),
)

#: Wrong codes, by whoever tried them.
code_guesses = sa.Table(
    "code_guesses",
    metadata,
    sa.Column("id", ID, primary_key=True),
    sa.Column("caller_id", ID, nullable=False),
    sa.Column("at", INSTANT, nullable=False),
    sa.Index("code_guesses_by_caller", "caller_id", "at"),
)
