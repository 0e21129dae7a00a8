"""A third kind of database is refused. It is not treated as one of the two."""

from typing import Any

import pytest
from sqlalchemy import bindparam, insert, literal_column, select
from sqlalchemy.dialects import mysql
from sqlalchemy.exc import CompileError
from sqlalchemy.schema import CreateTable

from sellout_adapters.sql import CannotOpen, SqlStore
from sellout_adapters.sql.schema.columns import metadata
from sellout_adapters.sql.schema.functions import (
    AMONG_TEXTS,
    among,
    begins_with,
    bytewise,
    collected,
    put_first,
    spaced_terms,
)
from sellout_adapters.sql.schema.tables.catalogue import agreed_units, products
from sellout_adapters.sql.session.compiled import compiled

_numbers: Any = literal_column("numbers")
STATEMENTS: dict[str, Any] = {
    "an id": select(products.c.name).where(products.c.id == bindparam("product_id")),
    "a time": insert(products).values(added_on=bindparam("on"), updated_at=bindparam("at")),
    "among": select(agreed_units.c.price).where(among(agreed_units.c.digest, AMONG_TEXTS)),
    "collected": select(collected(products.c.name)),
    "begins_with": select(begins_with(_numbers, _numbers)),
    "put_first": select(put_first(_numbers, _numbers, _numbers)),
    "bytewise": select(bytewise(products.c.name)),
    "spaced_terms": select(spaced_terms(products.c.terms)),
}


@pytest.mark.parametrize("url", ["mysql://user:hush@host/shop", "oracle://user:hush@host/shop", "mssql://host/shop"])
def test_it_is_not_opened(url: str) -> None:
    with pytest.raises(CannotOpen, match="a kind of database that is not supported") as refusal:
        SqlStore.open(url)
    assert "hush" not in str(refusal.value)


@pytest.mark.parametrize("name", STATEMENTS)
def test_no_statement_has_a_form_for_it(name: str) -> None:
    with pytest.raises(CompileError):
        compiled(STATEMENTS[name], mysql.dialect(), ())


@pytest.mark.parametrize("name", ["products", "users"])
def test_no_table_has_a_form_for_it(name: str) -> None:
    with pytest.raises(CompileError, match="'mysql' is not supported"):
        CreateTable(metadata.tables[name]).compile(dialect=mysql.dialect())
