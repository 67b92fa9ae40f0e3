"""Bulk: many rows in and out at the speed of the database's own driver."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Sequence
from functools import cache
from itertools import chain, islice
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sqlalchemy import Connection, Table

AT_ONCE = 20_000
VALUES_AT_ONCE = 800  # every SQLite takes 999


def insert(connection: Connection, table: Table, rows: Sequence[Sequence[Any]]) -> None:
    """Insert rows whose values are in the order of the table's columns."""
    driver: Any = connection.connection.driver_connection
    if connection.dialect.name == "sqlite":
        _insert_sqlite(driver, table, rows, len(rows))
    else:
        _copy(driver, table, rows)


def insert_columns(connection: Connection, table: Table, columns: Sequence[Sequence[Any]]) -> None:
    """Insert rows that are given by column, in the order of the table's columns, all of one length."""
    driver: Any = connection.connection.driver_connection
    rows = zip(*columns, strict=True)
    if connection.dialect.name == "sqlite":
        _insert_sqlite(driver, table, rows, len(columns[0]))
    else:
        _copy(driver, table, rows)


def select(connection: Connection, query: str, name: str) -> Generator[tuple[Any, ...], None, None]:
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


def _copy(driver: Any, table: Table, rows: Iterable[Sequence[Any]]) -> None:
    names = ", ".join(f'"{column.name}"' for column in table.columns)
    with driver.cursor() as cursor, cursor.copy(f'COPY "{table.name}" ({names}) FROM STDIN') as copy:
        for row in rows:
            copy.write_row(row)


def _insert_sqlite(driver: Any, table: Table, rows: Iterable[Sequence[Any]], count: int) -> None:
    """Many rows per statement: each costs about half of what it would cost alone."""
    width = len(table.columns)
    group = VALUES_AT_ONCE // width
    waiting = iter(rows)
    flat = chain.from_iterable(islice(waiting, count // group * group))  # of a zip: no row is ever made
    driver.executemany(_statement(table, group), zip(*[flat] * (group * width), strict=True))
    driver.executemany(_statement(table, 1), waiting)


@cache
def _statement(table: Table, rows: int) -> str:
    marks = f"({', '.join('?' * len(table.columns))})"
    return f'INSERT INTO "{table.name}" VALUES {", ".join([marks] * rows)}'  # noqa: S608 - names of our own tables
