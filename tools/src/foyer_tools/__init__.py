"""What the command `./foyer` is made of: local servers, supervised processes, tests and the table of features."""
