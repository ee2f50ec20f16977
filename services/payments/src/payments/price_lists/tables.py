import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB, UUID

from ..accounting.tables import metadata

__all__ = ["legal_entities", "metadata", "price_list_positions"]

legal_entities = sa.Table(
    "legal_entities",
    metadata,
    sa.Column("id", UUID(as_uuid=True), primary_key=True),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("inn", sa.Text),
    sa.Column("kpp", sa.Text),
    sa.Column("ogrn", sa.Text),
    sa.Column("address", sa.Text),
    sa.Column("bank_account", sa.Text),
    sa.Column("bank_name", sa.Text),
    sa.Column("bic", sa.Text),
    sa.Column("correspondent_account", sa.Text),
    sa.Column("director", sa.Text),
    sa.Column("accountant", sa.Text),
    sa.Column("currency", sa.CHAR(3), nullable=False),
    sa.Column("vat_mode", sa.Text, nullable=False),
    sa.Column("vat_rate", sa.Integer),
    sa.Column("commission_percent", sa.Numeric(5, 2), nullable=False),
    sa.Column("surcharge_percent", sa.Numeric(5, 2), nullable=False),
    sa.Column("receipts", JSONB, nullable=False),
    sa.Column("payment_provider", sa.Text),
    sa.Column("is_default", sa.Boolean, nullable=False),
    sa.Column("version", sa.Integer, nullable=False),
    sa.CheckConstraint("vat_mode IN ('none', 'included', 'on_top')", name="legal_entities_vat_mode"),
    sa.CheckConstraint(
        "commission_percent BETWEEN 0 AND 100 AND surcharge_percent BETWEEN 0 AND 100", name="legal_entities_percents"
    ),
    sa.Index("legal_entities_one_default", "is_default", unique=True, postgresql_where=sa.text("is_default")),
)

price_list_positions = sa.Table(
    "price_list_positions",
    metadata,
    sa.Column("id", UUID(as_uuid=True), primary_key=True),
    sa.Column("legal_entity_id", UUID(as_uuid=True), sa.ForeignKey("legal_entities.id"), nullable=False, index=True),
    sa.Column("title", sa.Text, nullable=False),
    sa.Column("unit", sa.Text, nullable=False),
    sa.Column("unit_price", sa.BigInteger, nullable=False),
    sa.Column("currency", sa.CHAR(3), nullable=False),
    sa.Column("vat_rate", sa.Integer),
    sa.Column("active", sa.Boolean, nullable=False),
    sa.Column("version", sa.Integer, nullable=False),
    sa.CheckConstraint("unit_price >= 0", name="price_list_positions_unit_price"),
)
