"""The metadata, and constructors of columns and constraints."""

from typing import Any, Final

from sqlalchemy import BigInteger, Boolean, CheckConstraint, Column, ForeignKey, MetaData, Text

from sellout_adapters.sql.schema.types import Id

metadata: Final = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
    }
)


def key() -> Column[int]:
    """The primary key, an id that the database assigns."""
    return Column("id", Id, primary_key=True)


def refers(name: str, target: Column[Any], **options: Any) -> Column[int]:
    """A foreign key to another table."""
    return Column(name, Id, ForeignKey(target), **{"nullable": False} | options)


def text(name: str, **options: Any) -> Column[str]:
    """Text of any length."""
    return Column(name, Text, **{"nullable": False} | options)


def flag(name: str, **options: Any) -> Column[bool]:
    """A boolean, with a constraint if the database lacks the type."""
    return Column(name, Boolean(create_constraint=True, name=name), **{"nullable": False} | options)


def count(name: str, **options: Any) -> Column[int]:
    """A whole number of 64 bits."""
    return Column(name, BigInteger, **{"nullable": False} | options)


def check(name: str, law: str) -> CheckConstraint:
    """A named constraint on each row."""
    return CheckConstraint(law, name=name)


def all_or_none(*columns: str) -> str:
    """The condition that all or none of the columns are NULL."""
    none, every = (" AND ".join(f"{column} IS {what}" for column in columns) for what in ("NULL", "NOT NULL"))
    return f"({none}) OR ({every})"


# AUTOINCREMENT: without it SQLite reuses the id of a deleted last row.
NEVER_REUSED: Final[dict[str, Any]] = {"sqlite_autoincrement": True}
