"""A generated catalogue, the same for the same seed, and its import."""

import random
import sys
from collections.abc import Iterator
from datetime import date, timedelta
from functools import cache
from itertools import islice
from typing import Final

import click

from sellout_adapters.catalogue_file.importing import BATCH_ENTRIES
from sellout_adapters.testing.scene import unit_entry
from sellout_core.catalogue.products import SizeGrid
from sellout_core.people.accounts import OPERATOR
from sellout_core.shop import Shop
from sellout_core.use_cases.catalogue.importing.entries import ProductEntry, UnitEntry
from sellout_core.use_cases.catalogue.importing.writing import import_products

SEED: Final = 20_230_407
BRANDS: Final = tuple(f"Brand {number:02}" for number in range(60))

_CATEGORIES: Final = tuple(f"Category {number:02}" for number in range(20))
_TAGS: Final = tuple(f"Tag {number:02}" for number in range(30))
_GENDERS: Final = ("M", "F", "U")
_FIRST_DAY: Final = date(2019, 1, 1)
_TEXT: Final = (
    "air court runner low high retro leather suede mesh sole white black grey university blue red green gum classic"
    " limited street basketball skate trail foam cushion heel toe lace panel overlay stitched archive release"
)
_WORDS: Final = tuple(_TEXT.split())
_DESCRIPTION: Final = 32  # words
_TOLD_EVERY: Final = 10_000


@cache
def shoe_size(european: int) -> SizeGrid:
    """A size in all six grids."""
    return SizeGrid(
        international="XS" if european < 38 else "S" if european < 41 else "M" if european < 44 else "L",
        us=f"{european - 33}",
        uk=f"{european - 34}",
        eu=f"{european}",
        it=f"{european - 1}",
        ru=f"{european - 1}",
    )


def unit(european: int, price: int, stock: int | None = None) -> UnitEntry:
    """A product unit in a size."""
    return unit_entry(price, shoe_size(european), stock=stock)


def entries(count: int) -> Iterator[ProductEntry]:
    """This number of generated products."""
    chance = random.Random(SEED)  # noqa: S311 - not for cryptography
    for number in range(count):
        yield _entry(chance, f"sku-{number:07}")


def load(shop: Shop, products: Iterator[ProductEntry]) -> None:
    """Imports products in the same batches as `sellout import`."""
    loaded = 0
    while taken := list(islice(products, BATCH_ENTRIES)):
        import_products(shop, OPERATOR, taken)
        if (loaded + len(taken)) // _TOLD_EVERY > loaded // _TOLD_EVERY:
            click.echo(f"  {loaded + len(taken):,} products imported", file=sys.stderr)
        loaded += len(taken)


def _entry(chance: random.Random, sku: str) -> ProductEntry:
    brands = tuple(chance.sample(BRANDS, chance.choice((1, 1, 1, 2))))
    sizes = chance.sample(range(36, 48), chance.randint(1, 4))
    price = chance.randrange(3_000, 60_000, 10)
    return ProductEntry(
        sku=sku,
        name=f"{brands[0]} {' '.join(chance.sample(_WORDS, 3)).title()}",
        description=_description(chance),
        bucket_link=f"/bucket/{sku}",
        brands=brands,
        categories=tuple(chance.sample(_CATEGORIES, chance.choice((1, 1, 2)))),
        tags=tuple(chance.sample(_TAGS, chance.randint(0, 4))),
        gender=chance.choice(_GENDERS),
        fit=chance.randint(-1, 1),
        rel_num=chance.randint(0, 1_000),
        available_flag=True,
        add_date=_FIRST_DAY + timedelta(days=chance.randrange(2_000)),
        units=tuple(unit(size, price + 100 * index) for index, size in enumerate(sizes)),
    )


def _description(chance: random.Random) -> str:
    return " ".join(chance.choices(_WORDS, k=_DESCRIPTION)).capitalize() + "."
