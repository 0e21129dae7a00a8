"""The runtime of requests: ASGI types, executors, batches, streams and the log."""
