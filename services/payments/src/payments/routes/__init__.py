"""The HTTP API: one router for each subject."""

from fastapi import APIRouter

from . import invoices, refunds

routers: list[APIRouter] = [invoices.router, refunds.router]
