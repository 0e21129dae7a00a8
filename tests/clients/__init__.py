"""Clients that generators make from the OpenAPI document, checked strictly and used on a running shop."""
