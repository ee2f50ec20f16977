"""A mailbox: takes any mail over SMTP and shows it on a page and as JSON."""
