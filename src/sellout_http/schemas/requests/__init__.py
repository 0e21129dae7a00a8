"""The bodies of requests: types with the core's limits, and conversions to the core's values."""
