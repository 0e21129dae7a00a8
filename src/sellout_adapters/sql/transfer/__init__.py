"""Copies and backups of a whole shop."""
