"""The laws of searches, with a definition to compare with, and generated catalogues."""
