"""A state machine that compares a store with a model of a shop."""
