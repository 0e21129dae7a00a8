"""What the shop offers: products, units, the reference tables, stock, and searches."""
