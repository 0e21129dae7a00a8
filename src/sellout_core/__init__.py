"""The core of a sneaker shop: entities, prices and use cases. It is pure and synchronous. Adapters implement its ports.

Start at `shop.Shop`, which has the ports, and at `use_cases`, which has one function for each action of a user.
"""
