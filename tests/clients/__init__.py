"""Clients that generators make from the OpenAPI document, type-checked strictly and used on a running shop."""
