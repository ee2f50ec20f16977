"""A free time is offered to who asks for it, without having waited.

Revision ID: 0017
Revises: 0016
"""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.alter_column("waiting_offers", "entry_id", nullable=True)
    op.create_index(
        "waiting_offers_open_of_applicant",
        "waiting_offers",
        ["applicant_id", "id"],
        postgresql_where=sa.text("status = 'open'"),
    )
