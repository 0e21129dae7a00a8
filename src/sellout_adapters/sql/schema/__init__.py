"""Columns, types and tables."""
