"""A folder for each payment provider, the only place that knows it; see `payments.providing`."""
