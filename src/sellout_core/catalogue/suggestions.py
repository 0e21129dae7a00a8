"""Suggestions while a reader types: products and brands whose names have the typed words."""

from collections.abc import Collection, Iterable, Sequence
from typing import Final

import attrs

from sellout_core.catalogue.products import Card, Named
from sellout_core.catalogue.search import ordered_words, words

MAX_SUGGESTIONS: Final = 10
"""The maximum number of products, and of brands."""


@attrs.frozen
class Suggestions:
    """The suggested brands and products."""

    brands: Sequence[Named]
    products: Sequence[Card]


@attrs.frozen
class TypedWords:
    """The words of a text that is being typed: whole ones, and the beginning of the last one."""

    whole: frozenset[str]
    beginning: str

    def are_in(self, found: Collection[str]) -> bool:
        """Whether some words include all whole ones and one with the beginning."""
        return self.whole <= set(found) and any(word.startswith(self.beginning) for word in found)


def typed_words(text: str) -> TypedWords | None:
    """The words of a text. None: it has none."""
    *whole, last = ordered_words(text) or ("",)
    return TypedWords(frozenset(whole), last) if last else None


def suggested_brands(typed: TypedWords, brands: Iterable[Named]) -> tuple[Named, ...]:
    """The first brands by name that have the typed words."""
    found = (brand for brand in brands if typed.are_in(words(brand.name)))
    return tuple(sorted(found, key=lambda brand: (brand.name, brand.id))[:MAX_SUGGESTIONS])
