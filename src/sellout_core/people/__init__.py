"""Users, their sessions, and searches of users."""
