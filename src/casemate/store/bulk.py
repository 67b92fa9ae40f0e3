"""Bulk: many rows in and out at the speed of the database's own driver."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sqlalchemy import Connection, Table

AT_ONCE = 20_000


def insert(connection: Connection, table: Table, rows: Iterable[Sequence[Any]]) -> None:
    """Insert rows whose values are in the order of the table's columns."""
    driver: Any = connection.connection.driver_connection
    if connection.dialect.name == "sqlite":
        driver.executemany(_statement(table), rows)
        return
    names = ", ".join(f'"{column.name}"' for column in table.columns)
    with driver.cursor() as cursor, cursor.copy(f'COPY "{table.name}" ({names}) FROM STDIN') as copy:
        for row in rows:
            copy.write_row(row)


def select(connection: Connection, query: str, name: str) -> Iterator[tuple[Any, ...]]:
    """Yield the rows of a query a few thousand at a time.

    Args:
        connection: of the store.
        query: without any values in it.
        name: of the server's cursor; queries that are read at the same time need names of their own.
    """
    driver: Any = connection.connection.driver_connection
    if connection.dialect.name == "sqlite":
        yield from driver.execute(query)
        return
    with driver.cursor(name) as cursor:  # a named cursor stays with the server
        cursor.itersize = AT_ONCE
        cursor.execute(query)
        yield from cursor


@cache
def _statement(table: Table) -> str:
    marks = ", ".join("?" * len(table.columns))
    return f'INSERT INTO "{table.name}" VALUES ({marks})'  # noqa: S608 - names of our own tables
