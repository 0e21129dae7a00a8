"""Changes to the core that its own tests must notice."""
