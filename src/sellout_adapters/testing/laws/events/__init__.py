"""Laws of events."""
