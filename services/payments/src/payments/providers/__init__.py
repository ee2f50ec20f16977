"""Adapters to payment providers; each is the only file that knows its provider."""
