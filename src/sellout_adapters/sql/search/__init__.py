"""Search, facets and page numbers in SQL."""
