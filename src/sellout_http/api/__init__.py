"""The operations of the HTTP API, and how a request for one is answered."""
