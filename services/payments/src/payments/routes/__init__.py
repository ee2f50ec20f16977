"""The HTTP API: one router for each subject."""

from fastapi import APIRouter

from . import (
    accounts,
    checkout,
    disputes,
    documents,
    invoices,
    looks,
    price_lists,
    receipts,
    refund_requests,
    refunds,
    settlements,
    staff_invoices,
)

routers: list[APIRouter] = [
    invoices.router,
    staff_invoices.router,
    checkout.router,
    documents.router,
    price_lists.router,
    looks.router,
    refunds.router,
    refund_requests.router,
    accounts.router,
    settlements.router,
    receipts.router,
    disputes.router,
]
