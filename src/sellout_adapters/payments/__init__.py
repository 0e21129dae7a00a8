"""Payment providers. Each is named by a setting of the shop."""
