"""A payment provider that speaks YooKassa's API v3; sources: its public reference and its official Python client."""
