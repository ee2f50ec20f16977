"""Workplaces and rooms are kept for who asks, before there is an order: what is claimed is a lodging's or an offer's.

Revision ID: 0018
Revises: 0017
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import UUID

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

ID = UUID(as_uuid=True)
INSTANT = sa.DateTime(timezone=True)
OPEN = sa.text("status = 'open'")


def upgrade() -> None:
    op.create_table(
        "lodging_offers",
        sa.Column("id", ID, primary_key=True),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("applicant_id", ID, nullable=False),
        sa.Column("group_id", ID, sa.ForeignKey("lodging_groups.id"), nullable=False),
        sa.Column("tariff_id", ID, nullable=False),
        sa.Column("starts_at", INSTANT, nullable=False),
        sa.Column("ends_at", INSTANT, nullable=False),
        sa.Column("quantity", sa.Integer, nullable=False),
        sa.Column("rooms", sa.Integer, nullable=False),
        sa.Column("unit_id", ID, sa.ForeignKey("lodging_units.id")),
        sa.Column("zone", sa.Text),
        sa.Column("arrival", sa.Date),
        sa.Column("departure", sa.Date),
        sa.Column("place", sa.Text, nullable=False),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("expires_at", INSTANT, nullable=False),
        sa.Column("order_id", ID),
        sa.Column("version", sa.Integer, nullable=False),
        sa.CheckConstraint("ends_at > starts_at", name="lodging_offers_time"),
        sa.CheckConstraint("quantity > 0 AND rooms > 0", name="lodging_offers_quantity"),
        sa.CheckConstraint("status IN ('declined', 'expired', 'open', 'taken')", name="lodging_offers_status"),
    )
    op.create_index("lodging_offers_due", "lodging_offers", ["expires_at"], postgresql_where=OPEN)
    op.create_index("lodging_offers_open_of_applicant", "lodging_offers", ["applicant_id", "id"], postgresql_where=OPEN)
    op.create_index("lodging_offers_open_of_group", "lodging_offers", ["group_id"], postgresql_where=OPEN)
    op.alter_column("lodging_claims", "lodging_id", nullable=True)
    op.add_column("lodging_claims", sa.Column("offer_id", ID, sa.ForeignKey("lodging_offers.id")))
    op.create_check_constraint("lodging_claims_owner", "lodging_claims", "(lodging_id IS NULL) <> (offer_id IS NULL)")
    op.create_index(
        "lodging_claims_of_offer", "lodging_claims", ["offer_id"], postgresql_where=sa.text("offer_id IS NOT NULL")
    )
