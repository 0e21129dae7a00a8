"""The repositories of users and their sessions."""
