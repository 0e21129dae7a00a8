"""Mutation tests: each mutant changes the core, and the unit tests must fail."""
