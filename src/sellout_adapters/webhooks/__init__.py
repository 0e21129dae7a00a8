"""Webhooks: signed requests with events (Standard Webhooks), to addresses that are checked before each connection."""
