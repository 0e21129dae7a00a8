"""The laws of orders after checkout."""
