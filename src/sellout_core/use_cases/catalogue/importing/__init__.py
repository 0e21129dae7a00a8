"""Use cases that import and export catalogues."""
