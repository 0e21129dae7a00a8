"""Catalogue files: JSON Lines, one product a line."""
