"""The ports of carts, wishlists, promo codes and orders."""
