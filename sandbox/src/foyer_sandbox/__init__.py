"""Stand-ins for the outside world: payment provider, push gateway, mailbox, identity issuer."""
