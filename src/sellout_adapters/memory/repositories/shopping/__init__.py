"""The repositories of carts, wishlists, promo codes and orders in memory."""
