"""The repositories of the store in memory."""
