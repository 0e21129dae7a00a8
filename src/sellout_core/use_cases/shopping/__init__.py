"""The use cases of wishlists, carts, promo codes and orders."""
