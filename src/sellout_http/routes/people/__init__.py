"""The handlers of users, their sessions and their addresses."""
