"""The core of a sneaker shop: entities, prices and use cases, pure and synchronous, over ports that adapters implement.

Start at `shop.Shop`, the ports put together, and `use_cases`, one callable for each thing a user does.
"""
