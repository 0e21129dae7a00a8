"""The use cases of one's own account. Staff run some of them for other users."""
