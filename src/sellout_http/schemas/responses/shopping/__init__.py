"""The documents of carts, promo codes, orders and sales."""
