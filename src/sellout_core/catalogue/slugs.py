"""The slug of a product: a readable text in Latin letters that stands for it in addresses."""

import re
import unicodedata
from collections.abc import Iterable, Mapping
from typing import Final

from sellout_core.values import ProductId

MAX_SLUG: Final = 120
"""The maximum length of a slug made from names, without an id."""

_LATIN: Final[Mapping[int, str]] = str.maketrans(
    {
        **dict(zip("абвгдезийклмнопрстуфыэґіўё", "abvgdeziyklmnoprstufyegiue", strict=True)),
        **dict(zip("жхцчшщюяєї", ["zh", "kh", "ts", "ch", "sh", "shch", "yu", "ya", "ye", "yi"], strict=True)),
        **dict(zip("æœøłđðþ\u0131", ["ae", "oe", "o", "l", "d", "d", "th", "i"], strict=True)),
        # The hard and the soft sign, and apostrophes.
        **dict.fromkeys("ъь'\u2019\u02bc", ""),
    }
)
_NAMELESS: Final = "product"


def slug_of(name: str, brands: Iterable[str]) -> str:
    """The slug of a product with that name and brands: words of `a` to `z` and digits, with a hyphen between them.

    Cyrillic letters are transliterated. Accents are removed, and other characters separate words.
    """
    text = unicodedata.normalize("NFKC", " ".join((*brands, name))).casefold().translate(_LATIN)
    parts = (each for each in unicodedata.normalize("NFKD", text) if not unicodedata.category(each).startswith("M"))
    return "-".join(re.findall("[a-z0-9]+", "".join(parts)))[:MAX_SLUG].strip("-") or _NAMELESS


def own_slug(slug: str, product_id: ProductId) -> str:
    """The slug with the id appended, for a product whose slug stands for another one. No two products have the same:
    `slug_of` returns no double hyphen.
    """
    return f"{slug}--{product_id}"


def keeps_slug(present: str | None, slug: str, product_id: ProductId) -> bool:
    """Whether a product keeps its present slug when its name and brands make `slug`. None: it has none yet."""
    return present in (slug, own_slug(slug, product_id))
