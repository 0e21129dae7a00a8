"""One callable for each thing a user does: load, decide purely, save.

Each takes the `Shop` and, unless it registers or logs in, the `Actor`; each checks for itself that
the actor may, and runs in one transaction that either happens or does not.
"""
