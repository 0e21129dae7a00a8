"""The operations of the HTTP API, and the dispatcher that answers requests for them."""
