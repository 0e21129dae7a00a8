"""Transactions that share a connection or a commit."""
