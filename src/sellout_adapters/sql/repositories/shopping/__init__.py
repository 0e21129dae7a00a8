"""The repositories of wishlists, carts, promo codes and orders."""
