"""The cache of encoded catalogue documents."""
