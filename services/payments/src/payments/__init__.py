"""Payments: invoices, payments at the provider, refunds, and the ledger of it all."""
