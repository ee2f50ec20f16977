"""Legal entities and their price lists.

Revision ID: 0003
Revises: 0002
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB, UUID

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

ID = UUID(as_uuid=True)


def upgrade() -> None:
    op.create_table(
        "legal_entities",
        sa.Column("id", ID, primary_key=True),
        sa.Column("name", sa.Text, nullable=False),
        *(
            sa.Column(name, sa.Text)
            for name in (
                "inn",
                "kpp",
                "ogrn",
                "address",
                "bank_account",
                "bank_name",
                "bic",
                "correspondent_account",
                "director",
                "accountant",
            )
        ),
        sa.Column("currency", sa.CHAR(3), nullable=False),
        sa.Column("vat_mode", sa.Text, nullable=False),
        sa.Column("vat_rate", sa.Integer),
        sa.Column("commission_percent", sa.Numeric(5, 2), nullable=False),
        sa.Column("surcharge_percent", sa.Numeric(5, 2), nullable=False),
        sa.Column("receipts", JSONB, nullable=False),
        sa.Column("is_default", sa.Boolean, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.CheckConstraint("vat_mode IN ('none', 'included', 'on_top')", name="legal_entities_vat_mode"),
        sa.CheckConstraint(
            "commission_percent BETWEEN 0 AND 100 AND surcharge_percent BETWEEN 0 AND 100",
            name="legal_entities_percents",
        ),
    )
    op.create_index(
        "legal_entities_one_default",
        "legal_entities",
        ["is_default"],
        unique=True,
        postgresql_where=sa.text("is_default"),
    )
    op.create_table(
        "price_list_positions",
        sa.Column("id", ID, primary_key=True),
        sa.Column("legal_entity_id", ID, sa.ForeignKey("legal_entities.id"), nullable=False),
        sa.Column("title", sa.Text, nullable=False),
        sa.Column("unit", sa.Text, nullable=False),
        sa.Column("unit_price", sa.BigInteger, nullable=False),
        sa.Column("currency", sa.CHAR(3), nullable=False),
        sa.Column("vat_rate", sa.Integer),
        sa.Column("active", sa.Boolean, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.CheckConstraint("unit_price >= 0", name="price_list_positions_unit_price"),
    )
    op.create_index("ix_price_list_positions_legal_entity_id", "price_list_positions", ["legal_entity_id"])
