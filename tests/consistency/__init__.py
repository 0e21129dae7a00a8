"""A shop whose processes are killed while buyers shop and staff work, and the laws that must hold afterwards.

`python -m tests.consistency --help` explains the options. The laws are in `laws`, `order_laws` and `catalogue_laws`.
"""
