"""What every service needs and no service is about: HTTP, database, events, identity, time."""
