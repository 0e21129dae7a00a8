"""Pages and documents about the API and the server."""
