"""Pages of the catalogue: some of the matching products, and how many match in all."""

from collections.abc import Sequence

import attrs

from sellout_core.catalogue.products import Card


@attrs.frozen
class CardPage:
    """The cards of a page, and the number of all matching products. None: the store would have to count them."""

    cards: Sequence[Card]
    total: int | None

    def last(self, size: int) -> int | None:
        """The number of the last page, if pages have `size` products. The first page is 1, and may be empty."""
        return None if self.total is None else max(1, -(-self.total // size))
