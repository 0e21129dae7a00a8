"""The use cases of users, their sessions and their mail."""
