"""The handlers of wishlists, carts, orders and promo codes."""
