"""Sends requests that schemathesis generates from the OpenAPI document to a real server."""
