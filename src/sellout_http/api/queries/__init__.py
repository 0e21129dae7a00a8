"""Query parameters."""
