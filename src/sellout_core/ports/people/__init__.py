"""The ports of users, their sessions and their e-mail addresses."""
