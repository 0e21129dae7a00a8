"""The laws of users and their sessions."""
