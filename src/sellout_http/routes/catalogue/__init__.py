"""The handlers of the catalogue."""
