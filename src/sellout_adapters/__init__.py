"""The stores and other adapters behind the core's ports."""
