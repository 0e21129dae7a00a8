"""The port of slugs."""

from typing import Protocol

from sellout_core.values import ProductId


class Slugs(Protocol):
    """The slugs of products, present and old. `Products` writes them."""

    def find(self, slug: str) -> ProductId | None:
        """The product that a slug stands for. A slug never stands for another product, unless its own was deleted."""
