"""The kinds of databases: SQLite and PostgreSQL."""
