"""Addresses of stores: a path for SQLite, a URL for PostgreSQL; passwords are never shown."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import TYPE_CHECKING

from casemate.core.errors import ExtraMissing, StoreUnreachable

if TYPE_CHECKING:
    from sqlalchemy.engine import URL

POSTGRES = ("postgresql", "postgres", "postgresql+psycopg")


def parse(address: str | Path) -> URL:
    """Return the URL of a store, given as a path or a URL.

    Args:
        address: the path of an SQLite file, ``sqlite:///PATH``, or ``postgresql://USER@HOST/DATABASE``.

    Raises:
        StoreUnreachable: a URL that cannot be read, or of another kind of database.
        ExtraMissing: PostgreSQL without its driver.
    """
    from sqlalchemy.engine import URL, make_url
    from sqlalchemy.exc import ArgumentError

    text = str(address)
    if isinstance(address, Path) or "://" not in text:
        return URL.create("sqlite", database=text)
    try:
        url = make_url(text)
    except (ArgumentError, ValueError):
        raise StoreUnreachable(
            "the address of the store is no URL",
            where=f"{text.partition('://')[0]}://...",
            fix="write it as postgresql://USER:PASSWORD@HOST:PORT/DATABASE, special characters percent-encoded",
        ) from None
    if url.drivername == "sqlite" and url.database and url.database != ":memory:":
        return url
    if url.drivername in POSTGRES:
        _need_driver()
        return url.set(drivername="postgresql+psycopg")
    raise StoreUnreachable(
        f"a store cannot be kept in {url.drivername!r}",
        where=shown(url),
        fix="give the path of an SQLite file, or a postgresql:// URL",
    )


def shown(url: URL) -> str:
    """Return an address for a person to read: the path of a file, or a URL whose password and options are hidden."""
    if url.drivername == "sqlite":
        return str(url.database)
    return url.set(query={}).render_as_string(hide_password=True).replace("+psycopg", "", 1)


def _need_driver() -> None:
    if importlib.util.find_spec("psycopg") is None:
        raise ExtraMissing(
            "psycopg is needed to keep a store in PostgreSQL, and it is not installed",
            fix='pip install "casemate[postgres]"',
        )
