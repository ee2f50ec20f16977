"""A push gateway that speaks Firebase Cloud Messaging's HTTP v1 API, with its own OAuth token endpoint."""
