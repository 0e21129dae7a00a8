"""The laws of carts, promo codes, orders and their fulfilment."""
