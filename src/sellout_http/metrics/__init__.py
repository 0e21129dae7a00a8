"""Metrics: what a worker counts, how the workers of a server share it, and the metrics of Prometheus made of it."""
