import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY

from ..catalogue.tables import metadata

statuses = sa.Table(
    "statuses",
    metadata,
    sa.Column("code", sa.Text, primary_key=True),
    # The built-in status whose rules it has; itself, for a built-in one.
    sa.Column("stands_for", sa.Text, sa.ForeignKey("statuses.code", name="statuses_stands_for"), nullable=False),
    sa.Column("group", sa.Text, nullable=False),
    sa.Column("kinds", ARRAY(sa.Text), nullable=False),
    sa.Column("name_ru", sa.Text, nullable=False),
    sa.Column("name_en", sa.Text, nullable=False),
    sa.Column("colour", sa.Text, nullable=False),
    sa.Column("position", sa.Integer, nullable=False),
    sa.Column("active", sa.Boolean, nullable=False),
    sa.Column("version", sa.Integer, nullable=False),
)
