"""The only queries."""
