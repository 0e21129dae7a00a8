"""A shop under load whose processes are killed again and again, and whether everything adds up afterwards.

`python -m tests.consistency --help` says how it is run; `laws` is what has to hold.
"""
