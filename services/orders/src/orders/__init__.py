"""Orders: catalogue, customers, and the life of an order."""
