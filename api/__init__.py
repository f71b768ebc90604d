"""The service: an HTTP API around the triager."""
