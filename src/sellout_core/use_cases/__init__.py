"""The use cases: one function for each action of a user. It loads, decides and saves.

Each use case takes the `Shop` and, unless it registers or logs in, the `Actor`. It checks the actor's rights itself. It
changes everything in one transaction, or nothing.
"""
