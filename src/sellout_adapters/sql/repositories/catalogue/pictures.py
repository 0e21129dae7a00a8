"""The pictures of products."""

from collections.abc import Collection, Sequence
from typing import Final

import attrs
from sqlalchemy import bindparam, delete, select

from sellout_adapters.sql.schema.functions import AMONG_IDS, AMONG_TEXTS, among
from sellout_adapters.sql.schema.tables.pictures import product_pictures
from sellout_adapters.sql.schema.types import Id
from sellout_adapters.sql.session.session import DatabaseSession, by_column
from sellout_core.catalogue.pictures import NewPicture, Picture
from sellout_core.values import PictureId, ProductId

_NEW_FIELDS: Final = tuple(attrs.fields_dict(NewPicture))
_OF_PRODUCTS: Final = (
    select(product_pictures)
    .where(among(product_pictures.c.product_id, AMONG_IDS))
    .order_by(product_pictures.c.product_id, product_pictures.c.position)
)
_USED: Final = select(product_pictures.c.digest).where(among(product_pictures.c.digest, AMONG_TEXTS)).distinct()
_DELETE: Final = delete(product_pictures).where(product_pictures.c.product_id == bindparam("product_id", type_=Id()))


@attrs.frozen
class SqlPictures:
    """`ports.Pictures`."""

    _session: DatabaseSession

    def of_products(self, product_ids: Collection[ProductId]) -> Sequence[Picture]:
        """One statement."""
        return [
            Picture(
                id=row.id,
                product_id=row.product_id,
                position=row.position,
                digest=row.digest,
                width=row.width,
                height=row.height,
            )
            for row in self._session.rows_among(_OF_PRODUCTS, product_ids, key="product_id")
        ]

    def add(self, new: NewPicture) -> PictureId:
        """One statement for the id, and one for the row."""
        [picture_id] = self._session.add_with_ids(product_pictures, by_column([new], _NEW_FIELDS))
        return PictureId(picture_id)

    def replace(self, product_id: ProductId, pictures: Sequence[Picture]) -> None:
        """One statement deletes all rows, and one writes the rows again: a position is unique at each moment."""
        self._session.run(_DELETE, {"product_id": product_id})
        self._session.add(product_pictures, by_column(pictures, ("id", *_NEW_FIELDS)))

    def used(self, digests: Collection[str]) -> Collection[str]:
        """One statement."""
        return {row.digest for row in self._session.rows_among(_USED, digests, key="digest")}
