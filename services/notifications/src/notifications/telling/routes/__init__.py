"""What became of each notification, and what a person wants to be told."""
