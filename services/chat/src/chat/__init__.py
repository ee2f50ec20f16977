"""Conversations about orders, between applicants and staff."""
