"""The ports of the catalogue and of its stock."""
