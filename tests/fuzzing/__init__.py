"""Requests made up from the API's own OpenAPI document, by schemathesis, against the real server."""
