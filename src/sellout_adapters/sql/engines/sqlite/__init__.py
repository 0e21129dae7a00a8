"""SQLite: a store in a file."""
