"""Column types that mean the same on SQLite, PostgreSQL and MariaDB.

What SQLAlchemy has for MariaDB alone is imported when MariaDB is used: it takes long.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import BigInteger, DateTime, Dialect, Integer, LargeBinary, String, Text
from sqlalchemy.types import TypeDecorator

__all__ = ["Document", "Json", "Name", "Number", "Sealed", "Tags", "Time", "Words", "clean"]

NAME = 255  # 4 bytes a character on MariaDB, whose index entries end at 3072

Number = BigInteger().with_variant(Integer(), "sqlite")  # SQLite counts up INTEGER alone


def clean(text: str) -> str:
    """Text that every database takes: without NUL, and without half of a surrogate pair."""
    if text.isascii() and "\0" not in text:
        return text
    return text.encode("utf-8", "backslashreplace").decode().replace("\0", "\\x00")


class Time(TypeDecorator[datetime]):
    """A moment, in UTC and to the microsecond."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> Any:
        if dialect.name == "mysql":
            from sqlalchemy.dialects.mysql import DATETIME

            return dialect.type_descriptor(DATETIME(fsp=6))
        return dialect.type_descriptor(DateTime(timezone=True))

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        moment = value.astimezone(UTC)
        return moment if dialect.name == "postgresql" else moment.replace(tzinfo=None)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.astimezone(UTC) if value.tzinfo else value.replace(tzinfo=UTC)


class Document(TypeDecorator[Any]):
    """ASCII text of any length."""

    impl = Text
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> Any:
        if dialect.name == "mysql":  # whose TEXT ends at 64 KiB
            from sqlalchemy.dialects.mysql import LONGTEXT

            return dialect.type_descriptor(LONGTEXT())
        return dialect.type_descriptor(Text())


class Sealed(TypeDecorator[bytes]):
    """Bytes of any length."""

    impl = LargeBinary
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> Any:
        if dialect.name == "mysql":
            from sqlalchemy.dialects.mysql import LONGBLOB

            return dialect.type_descriptor(LONGBLOB())
        return dialect.type_descriptor(LargeBinary())


class Json(Document):
    """Plain JSON, as text: nobody searches inside, and what was written is what is read."""

    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> str | None:
        # ASCII, so that NUL and lone surrogates stay escapes, which PostgreSQL takes.
        return None if value is None else json.dumps(value, separators=(",", ":"))

    def process_result_value(self, value: str | None, dialect: Dialect) -> Any:
        return None if value is None else json.loads(value)


class Words(Document):
    """Text for people, of any length."""

    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        return None if value is None else clean(value)


class Tags(Document):
    """Some words, each between two line ends, so that one is found as a whole; NULL for none."""

    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> str | None:
        return "\n".join(["", *map(clean, value), ""]) if value else None

    def process_result_value(self, value: str | None, dialect: Dialect) -> Any:
        return tuple(value.strip("\n").split("\n")) if value else ()


class Name(TypeDecorator[str]):
    """A name or an id: it can be indexed, and capitals matter.

    Args:
        length: The most characters that it may have.
    """

    impl = String
    cache_ok = True

    def __init__(self, length: int = NAME) -> None:
        super().__init__(length)

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        return None if value is None else clean(value)
