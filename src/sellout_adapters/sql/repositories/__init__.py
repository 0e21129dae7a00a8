"""The repositories of the SQL store: one for each port."""
