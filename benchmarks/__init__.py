"""`./foyer bench`: the system measured beside its limits."""
