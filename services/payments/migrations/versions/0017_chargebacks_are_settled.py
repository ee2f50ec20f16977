"""What disputes cost is settled: what was lost, and the provider's fees.

Revision ID: 0017
Revises: 0016
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def _amount(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger, nullable=False, server_default="0")


def upgrade() -> None:
    op.add_column("disputes", sa.Column("fee", sa.BigInteger))
    op.add_column("disputes", sa.Column("fee_currency", sa.CHAR(3)))
    op.create_check_constraint("disputes_fee", "disputes", "(fee IS NULL) = (fee_currency IS NULL)")
    for name in ("charged_back", "dispute_fees", "charged_back_settled", "dispute_fees_settled"):
        op.add_column("payments", _amount(name))
    op.create_index(
        "payments_of_top_ups_charged_back",
        "payments",
        ["id"],
        postgresql_where=sa.text(
            "order_id IS NULL AND (charged_back <> charged_back_settled OR dispute_fees <> dispute_fees_settled)"
        ),
    )
    op.add_column("settlements", sa.Column("chargebacks", JSONB, nullable=False, server_default="{}"))
    op.add_column("settlement_changes", _amount("chargebacks"))
    op.drop_constraint("settlement_changes_net", "settlement_changes")
    op.create_check_constraint(
        "settlement_changes_net", "settlement_changes", "net = gross - acquiring - commission - chargebacks"
    )
    op.drop_constraint("settlement_changes_top_up_once", "settlement_changes")
    op.create_index(
        "settlement_changes_top_up_once",
        "settlement_changes",
        ["top_up_id"],
        unique=True,
        postgresql_where=sa.text("acquiring <> 0"),
    )
    # Those that were lost before are costs as well: their orders are settled again.
    op.execute(
        "UPDATE payments p SET charged_back = d.lost FROM (SELECT payment_id, sum(amount) AS lost FROM disputes "
        "WHERE status = 'lost' AND withdrawn GROUP BY payment_id) d WHERE d.payment_id = p.id"
    )
    op.execute(
        "UPDATE order_accounts a SET settled_version = -1 FROM disputes d "
        "WHERE d.order_id = a.order_id AND d.status = 'lost' AND d.withdrawn"
    )
