"""The repositories of users, their sessions and their e-mail addresses in memory."""
