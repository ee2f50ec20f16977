"""Adapters to what carries messages to people; each is the only file that knows its protocol."""
