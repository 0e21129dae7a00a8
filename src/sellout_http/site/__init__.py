"""The documentation pages, the OpenAPI document, and the health checks."""
