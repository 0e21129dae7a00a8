"""Orders, carts and wishlists: entities and the computation of prices."""
