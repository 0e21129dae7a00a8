"""The repositories of the catalogue."""
