from collections.abc import Sequence

import sqlalchemy as sa
from foyer_chassis.db import Transaction

#: What is kept beside the ledger (`kept`) and what a replay of it gives (`replayed`), where they differ.
CHECKS: dict[str, sa.TextClause] = {
    "a transaction's postings sum to zero per currency": sa.text("""
        SELECT transaction_id::text AS id, 0::bigint AS kept, sum(amount)::bigint AS replayed
        FROM ledger_postings GROUP BY transaction_id, currency HAVING sum(amount) <> 0
    """),
    "an order's paid and refunded": sa.text("""
        SELECT a.order_id::text || ' ' || what AS id, kept, coalesce(replayed, 0)::bigint AS replayed
        FROM order_accounts a
        CROSS JOIN LATERAL (
            VALUES ('payment', a.paid, -1, ARRAY['payment']),
                   ('refund', a.refunded, 1, ARRAY['refund', 'refund_reversal'])
        ) AS kinds (what, kept, sign, booked_as)
        LEFT JOIN LATERAL (
            SELECT sum(p.amount * kinds.sign) AS replayed
            FROM ledger_transactions t JOIN ledger_postings p ON p.transaction_id = t.id
            WHERE t.order_id = a.order_id AND t.kind = ANY (kinds.booked_as)
              AND p.account IN ('order:' || a.order_id::text, 'orders:prepayments') AND p.currency = a.currency
        ) AS ledger ON true
        WHERE kept <> coalesce(replayed, 0)
    """),
    "a customer's balance": sa.text("""
        SELECT coalesce(a.customer_id::text, substr(l.account, 10)) AS id, coalesce(a.balance, 0) AS kept,
               coalesce(l.replayed, 0)::bigint AS replayed
        FROM customer_accounts a FULL JOIN (
            SELECT account, currency, -sum(amount) AS replayed FROM ledger_postings
            WHERE account LIKE 'customer:%' GROUP BY account, currency
        ) l ON l.account = 'customer:' || a.customer_id::text AND l.currency = a.currency
        WHERE coalesce(a.balance, 0) <> coalesce(l.replayed, 0)
    """),
    "an order's payments": sa.text("""
        SELECT a.order_id::text AS id, a.paid AS kept, coalesce(sum(p.received), 0)::bigint AS replayed
        FROM order_accounts a LEFT JOIN payments p ON p.order_id = a.order_id
        GROUP BY a.order_id HAVING a.paid <> coalesce(sum(p.received), 0)
    """),
    "an order's refunds that are under way": sa.text("""
        SELECT a.order_id::text AS id, a.pending_refund AS kept,
               coalesce(sum(r.amount) FILTER (WHERE r.status <> 'succeeded'), 0)::bigint AS replayed
        FROM order_accounts a LEFT JOIN refunds r ON r.order_id = a.order_id
        GROUP BY a.order_id
        HAVING a.pending_refund <> coalesce(sum(r.amount) FILTER (WHERE r.status <> 'succeeded'), 0)
    """),
    "what is reserved of a payment": sa.text("""
        SELECT p.id::text AS id, p.refund_reserved AS kept, coalesce(sum(r.amount), 0)::bigint AS replayed
        FROM payments p LEFT JOIN refunds r ON r.payment_id = p.id
        GROUP BY p.id HAVING p.refund_reserved <> coalesce(sum(r.amount), 0)
    """),
    "what is disputed of a payment": sa.text("""
        SELECT p.id::text AS id, p.disputed AS kept, coalesce(sum(d.held), 0)::bigint AS replayed
        FROM payments p LEFT JOIN disputes d ON d.payment_id = p.id
        GROUP BY p.id HAVING p.disputed <> coalesce(sum(d.held), 0)
    """),
    "what is disputed of an order": sa.text("""
        SELECT a.order_id::text AS id, a.disputed AS kept, coalesce(sum(p.disputed), 0)::bigint AS replayed
        FROM order_accounts a LEFT JOIN payments p ON p.order_id = a.order_id
        GROUP BY a.order_id HAVING a.disputed <> coalesce(sum(p.disputed), 0)
    """),
    "a dispute's money": sa.text("""
        SELECT d.id::text AS id, CASE WHEN d.withdrawn THEN d.amount ELSE 0 END AS kept,
               coalesce(sum(l.amount), 0)::bigint AS replayed
        FROM disputes d
        LEFT JOIN ledger_transactions t ON t.kind IN ('dispute', 'dispute_reversal') AND t.reference_id = d.id
        LEFT JOIN ledger_postings l ON l.transaction_id = t.id AND l.account LIKE 'disputes:%'
        GROUP BY d.id HAVING CASE WHEN d.withdrawn THEN d.amount ELSE 0 END <> coalesce(sum(l.amount), 0)
    """),
    "what was charged back of a payment": sa.text("""
        SELECT p.id::text AS id, p.charged_back + p.dispute_fees AS kept, coalesce(sum(
                   CASE WHEN d.status = 'lost' AND d.withdrawn THEN d.amount ELSE 0 END
                   + CASE WHEN d.fee_currency = p.currency THEN d.fee ELSE 0 END
               ), 0)::bigint AS replayed
        FROM payments p LEFT JOIN disputes d ON d.payment_id = p.id
        GROUP BY p.id HAVING p.charged_back + p.dispute_fees <> coalesce(sum(
                   CASE WHEN d.status = 'lost' AND d.withdrawn THEN d.amount ELSE 0 END
                   + CASE WHEN d.fee_currency = p.currency THEN d.fee ELSE 0 END
               ), 0)
    """),
    "an order's chargebacks": sa.text("""
        SELECT s.order_id::text AS id, kept, coalesce(l.replayed, 0)::bigint AS replayed
        FROM settlements s
        CROSS JOIN LATERAL (
            SELECT coalesce(sum(v::bigint), 0) AS kept FROM jsonb_each_text(s.chargebacks) AS e (k, v)
        ) AS own
        LEFT JOIN (
            SELECT t.order_id, -sum(p.amount) AS replayed
            FROM ledger_transactions t JOIN ledger_postings p ON p.transaction_id = t.id
            WHERE t.kind = 'settlement' AND (p.account LIKE 'disputes:%' OR p.account LIKE 'dispute_fees:%')
            GROUP BY t.order_id
        ) l ON l.order_id = s.order_id
        WHERE kept <> coalesce(l.replayed, 0)
    """),
    "a top-up's chargebacks": sa.text("""
        SELECT p.id::text AS id, p.charged_back_settled + p.dispute_fees_settled AS kept,
               coalesce(-sum(l.amount), 0)::bigint AS replayed
        FROM payments p
        LEFT JOIN settlement_changes c ON c.top_up_id = p.id
        LEFT JOIN ledger_transactions t ON t.kind = 'settlement' AND t.reference_id = c.id
        LEFT JOIN ledger_postings l ON l.transaction_id = t.id
            AND (l.account LIKE 'disputes:%' OR l.account LIKE 'dispute_fees:%')
        WHERE p.order_id IS NULL
        GROUP BY p.id HAVING p.charged_back_settled + p.dispute_fees_settled <> coalesce(-sum(l.amount), 0)
    """),
    "an order's settlement": sa.text("""
        SELECT s.order_id::text AS id, s.gross AS kept, coalesce(l.replayed, 0)::bigint AS replayed
        FROM settlements s LEFT JOIN (
            SELECT t.order_id, sum(p.amount) AS replayed
            FROM ledger_transactions t JOIN ledger_postings p ON p.transaction_id = t.id
            WHERE t.kind = 'settlement' AND p.account LIKE 'settled:%' GROUP BY t.order_id
        ) l ON l.order_id = s.order_id
        WHERE s.gross <> coalesce(l.replayed, 0)
    """),
    "a top-up's cost": sa.text("""
        SELECT p.id::text AS id, p.acquiring AS kept, coalesce(-sum(l.amount), 0)::bigint AS replayed
        FROM payments p
        LEFT JOIN settlement_changes c ON c.top_up_id = p.id
        LEFT JOIN ledger_transactions t ON t.kind = 'settlement' AND t.reference_id = c.id
        LEFT JOIN ledger_postings l ON l.transaction_id = t.id AND l.account LIKE 'acquiring:%'
        WHERE p.order_id IS NULL AND p.acquiring IS NOT NULL
        GROUP BY p.id HAVING p.acquiring <> coalesce(-sum(l.amount), 0)
    """),
    "an order's costs": sa.text("""
        SELECT s.order_id::text AS id,
               (SELECT coalesce(sum(v::bigint), 0) FROM jsonb_each_text(s.acquiring) AS e (k, v))
                   + s.commission AS kept,
               coalesce(l.replayed, 0)::bigint AS replayed
        FROM settlements s LEFT JOIN (
            SELECT t.order_id, -sum(p.amount) AS replayed
            FROM ledger_transactions t JOIN ledger_postings p ON p.transaction_id = t.id
            WHERE t.kind = 'settlement' AND (p.account LIKE 'acquiring:%' OR p.account LIKE 'commission:%')
            GROUP BY t.order_id
        ) l ON l.order_id = s.order_id
        WHERE (SELECT coalesce(sum(v::bigint), 0) FROM jsonb_each_text(s.acquiring) AS e (k, v)) + s.commission
              <> coalesce(l.replayed, 0)
    """),
}
_AT_ONE_MOMENT = sa.text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
_SUMS = sa.text("""
    SELECT split_part(account, ':', 1) AS kind, currency, sum(amount)::bigint AS amount, count(*) AS postings
    FROM ledger_postings GROUP BY 1, 2 ORDER BY 1, 2
""")
MOST = 100


async def at_one_moment(transaction: Transaction) -> None:
    """All that this transaction reads is of one moment, however long it takes. Call it first."""
    await transaction.execute(_AT_ONE_MOMENT)


async def differences(transaction: Transaction, check: str) -> Sequence[sa.RowMapping]:
    """`id`, `kept`, `replayed` of what a check finds; at most `MOST`."""
    result = await transaction.execute(CHECKS[check])
    return result.mappings().fetchmany(MOST)


async def sums(transaction: Transaction) -> Sequence[sa.RowMapping]:
    """The ledger's accounts by their kind: `kind`, `currency`, `amount` (debit +), `postings`."""
    return await transaction.all(_SUMS)
