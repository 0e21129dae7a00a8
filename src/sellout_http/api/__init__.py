"""The operations of the HTTP API, and the way of a request through one."""
