"""The laws of searches, with examples and with generated catalogues."""
