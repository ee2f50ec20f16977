"""Who is told what by which channel (`rules`), and when a delivery goes out, waits, or is left (`deliveries`)."""
