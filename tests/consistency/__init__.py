"""A shop under load whose processes are killed repeatedly, and the laws that must hold afterwards.

`python -m tests.consistency --help` explains the options. The laws are in `laws`.
"""
