"""A small OpenID Connect issuer with demo people and their roles."""
