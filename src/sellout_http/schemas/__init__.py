"""The JSON of the HTTP API: request bodies and response documents."""
