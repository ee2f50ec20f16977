import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import UUID

from ..catalogue.tables import metadata

people = sa.Table(
    "people",
    metadata,
    sa.Column("id", UUID(as_uuid=True), primary_key=True),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("locale", sa.Text, nullable=False),
    sa.Column("email", sa.Text),
    sa.Column("phone", sa.Text),
    sa.Column("version", sa.Integer, nullable=False),
)
