"""A state machine that drives a store beside a model of the shop."""
