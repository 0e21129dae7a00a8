"""Orders after checkout: the states and moves of their lines, payments and refunds."""
