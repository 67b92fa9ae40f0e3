"""Verify: walk the whole chain and name the first entry that is not what was recorded."""

from __future__ import annotations

import itertools
from collections.abc import Generator, Iterator
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from casemate.core.errors import ChainBroken, StoreDamaged
from casemate.lineage.batch import TABLES, TEXT, Head
from casemate.lineage.chain import EDGE_FIELDS, commitment, entry_hash
from casemate.store import Store, bulk, tables

if TYPE_CHECKING:
    from sqlalchemy import Connection, Table

ENTRY_FIELDS = 6


@dataclass(frozen=True)
class Verified:
    """A chain that holds.

    Args:
        head: its end.
        entries, edges: how many it has.
        emptied: texts that an erasure took away.
    """

    head: Head
    entries: int
    edges: int
    emptied: int


def verify(store: Store, expected: str = "") -> Verified:
    """Recompute every hash of a chain.

    A chain can't tell by itself that its end was cut off: give a hash that was kept elsewhere for that.

    Args:
        store: an open store.
        expected: a hash that some entry must have; empty for none.

    Raises:
        ChainBroken: an entry is not what was recorded; the error names the first.
        StoreDamaged: the file itself is damaged.
    """
    with store.reading() as connection:
        if store.path is not None:
            _check_file(connection, store.shown)
    with store.reading() as connection, closing(_Walk(connection, store.shown)) as walk:
        return walk.walk(expected)


class _Walk:
    def __init__(self, connection: Connection, shown: str) -> None:
        self.connection = connection
        self.shown = shown
        self.emptied = 0
        self.waiting: list[Any] = [None] * len(tables.CHAINED)
        self.streams: list[Generator[Any, None, None]] = []

    def close(self) -> None:
        """Stop reading, while the connection is still open."""
        for stream in self.streams:
            stream.close()

    def walk(self, expected: str) -> Verified:
        head = Head()
        seen = not expected
        readers = [self._rows(table) for table in tables.CHAINED]
        edges = self._edges()
        self.streams = [*readers, edges]
        for position, reader in enumerate(readers):
            self.waiting[position] = next(reader, None)
        for entry in self._entries():
            self._follows(entry, head)
            taken = [(name, self._take(place, readers[place], entry)) for place, name in enumerate(TABLES)]
            rows = [(name, some) for name, some in taken if some]
            some = list(itertools.islice(edges, entry.last_edge - head.last_edge))
            columns = self._columns(some, head.last_edge, entry)
            if entry_hash(head.hash, entry[:ENTRY_FIELDS], rows, columns) != entry.hash:
                raise self._broken(entry, "what it recorded does not match its hash")
            head = Head(entry.id, entry.hash, entry.last_id, entry.last_edge)
            seen = seen or entry.hash == expected
        self._nothing_left(head, edges)
        if not seen:
            raise ChainBroken(
                "no entry has the hash that was kept elsewhere",
                where=f"{self.shown}, {head.entry} entries",
                why=f"entries were cut off, or the chain was made anew: expected {expected}",
                fix="restore the store from a backup",
            )
        return Verified(head, head.entry, head.last_edge, self.emptied)

    def _entries(self) -> Iterator[Any]:
        from sqlalchemy import select

        yield from self.connection.execute(select(tables.entry).order_by(tables.entry.c.id)).yield_per(5000)

    def _rows(self, table: Table) -> Generator[tuple[int, tuple[Any, ...]], None, None]:
        """The rows of a table as they were hashed, each with its entry."""
        names = [column.name for column in table.columns]
        place = names.index("entry")
        keys = ", ".join(f'"{column.name}"' for column in table.primary_key)
        quoted = ", ".join(f'"{name}"' for name in names)
        query = f'SELECT {quoted} FROM "{table.name}" ORDER BY {keys}'  # noqa: S608 - our own tables
        texts = table is tables.CHAINED[TEXT]
        for row in self._select(query, table.name):
            yield row[place], self._text(row) if texts else tuple(row)

    def _text(self, row: tuple[Any, ...]) -> tuple[Any, ...]:
        id, entry, promise, salt, body = row
        if body is None and salt is None:
            self.emptied += 1
        elif commitment(salt, body) != promise:
            raise ChainBroken(
                f"entry {entry} of the lineage is not what was recorded: text {id} was changed", where=self.shown
            )
        return id, entry, promise

    def _edges(self) -> Generator[tuple[Any, ...], None, None]:
        return self._select("SELECT id, source, target, detail FROM edge ORDER BY id", "edge")

    def _select(self, query: str, name: str) -> Generator[tuple[Any, ...], None, None]:
        return bulk.select(self.connection, query, f"casemate_{name}")

    def _take(self, position: int, reader: Iterator[Any], entry: Any) -> list[tuple[Any, ...]]:
        """The rows of one table that belong to an entry."""
        rows = []
        waiting = self.waiting[position]
        while waiting is not None and waiting[0] == entry.id:
            rows.append(waiting[1])
            waiting = next(reader, None)
        if waiting is not None and waiting[0] < entry.id:
            raise self._broken(entry, f"a row of {tables.CHAINED[position].name} stands where it was not recorded")
        self.waiting[position] = waiting
        return rows

    def _columns(self, some: list[tuple[int, ...]], last: int, entry: Any) -> list[tuple[int, ...]]:
        if [edge[0] for edge in some] != list(range(last + 1, entry.last_edge + 1)):
            raise self._broken(entry, "edges are missing or were added")
        columns = list(zip(*some, strict=True)) or [()] * (EDGE_FIELDS + 1)
        return columns[1:]

    def _follows(self, entry: Any, head: Head) -> None:
        if entry.id != head.entry + 1:
            raise self._broken(entry, f"it follows entry {head.entry}: entries are missing")
        if entry.previous != head.hash:
            raise self._broken(entry, "it does not follow the entry before")

    def _nothing_left(self, head: Head, edges: Iterator[tuple[int, ...]]) -> None:
        left = [table.name for table, row in zip(tables.CHAINED, self.waiting, strict=True) if row is not None]
        if next(edges, None) is not None:
            left.append("edge")
        if left:
            raise ChainBroken(
                f"rows that no entry recorded: {', '.join(left)}",
                where=f"{self.shown}, after entry {head.entry}",
                why="entries were cut off at the end, or rows were added past the chain",
                fix="restore the store from a backup",
            )

    def _broken(self, entry: Any, why: str) -> ChainBroken:
        return ChainBroken(
            f"entry {entry.id} of the lineage is not what was recorded",
            where=f"{self.shown}, entry {entry.id} ({entry.kind}, {entry.at}, by {entry.actor})",
            why=why,
            fix="nothing from this entry on can be relied on: restore the store from a backup",
        )


def _check_file(connection: Connection, shown: str) -> None:
    found = [str(row[0]) for row in connection.exec_driver_sql("PRAGMA quick_check(3)")]
    if found != ["ok"]:
        raise StoreDamaged(
            f"the file of the store is damaged: {found[0].splitlines()[-1]}",
            where=shown,
            fix="restore it from a backup",
        )
