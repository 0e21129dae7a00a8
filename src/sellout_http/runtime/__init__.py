"""What requests run on: ASGI types, executors, batches, streams and the log."""
