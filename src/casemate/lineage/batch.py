"""Batch: entries on their way into the store. Ids are given out here, and whole entries are hashed."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from casemate.lineage.chain import EDGE_FIELDS, FIRST, commitment, entry_hash
from casemate.store import bulk, tables

if TYPE_CHECKING:
    from sqlalchemy import Connection

TABLES = tuple(table.name for table in tables.CHAINED)
PLACE = {name: position for position, name in enumerate(TABLES)}
TEXT = PLACE["text"]
FULL = 200_000
"""Edges that are held before they are written."""


@dataclass(frozen=True)
class Head:
    """The end of a chain.

    Args:
        entry: number of the last entry; 0 where there is none.
        hash: its hash.
        last_id, last_edge: the last numbers given out.
    """

    entry: int = 0
    hash: str = FIRST
    last_id: int = 0
    last_edge: int = 0


def head_of(connection: Connection) -> Head:
    """Return the end of the chain as it is stored."""
    query = "SELECT id, hash, last_id, last_edge FROM entry ORDER BY id DESC LIMIT 1"
    found = connection.exec_driver_sql(query).first()
    return Head(*found) if found else Head()


class Batch:
    """What is appended in one transaction: any number of entries.

    Args:
        connection: one that alone may append.
    """

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.head = head_of(connection)
        self.entry = self.head.entry + 1
        self.last_id = self.head.last_id
        self._rows: list[list[tuple[Any, ...]]] = [[] for _ in TABLES]
        self._edges: list[list[int]] = [[] for _ in range(EDGE_FIELDS)]
        self._texts: dict[str, int] = {"": 0}
        self._details: dict[tuple[str, bool, str, str], int] = {}
        self._bodies: list[tuple[Any, ...]] = []
        self._waiting: list[list[tuple[Any, ...]]] = [[] for _ in TABLES]
        self._entries: list[tuple[Any, ...]] = []
        self._waiting_edges: list[list[int]] = [[] for _ in range(EDGE_FIELDS)]
        self._first_edge = self.head.last_edge + 1

    def add(self, table: str, *values: str | int) -> int:
        """Add a thing with an id; return the id."""
        self.last_id += 1
        self._rows[PLACE[table]].append((self.last_id, self.entry, *values))
        return self.last_id

    def put(self, table: str, *values: str | int) -> None:
        """Add a row whose key begins with the entry."""
        self._rows[PLACE[table]].append((self.entry, *values))

    def text(self, body: str) -> int:
        """Add free text, once per batch; return its id, 0 for none."""
        if body not in self._texts:
            salt = secrets.token_hex(16)
            self._texts[body] = self.add("text", promise := commitment(salt, body))
            self._bodies.append((self.last_id, self.entry, promise, salt, body))
        return self._texts[body]

    def detail(self, kind: str, masking: bool, transformation: str, why: str) -> int:
        """Add what many edges have in common, once per batch; return its id."""
        key = (kind, masking, transformation, why)
        found = self._details.get(key)
        if found is None:
            found = self.add("edge_detail", kind, int(masking), transformation, self.text(why))
            self._details[key] = found
        return found

    def edges(self, *fields: Iterable[int]) -> None:
        """Add edges: their sources, targets, details, and the texts of summaries before and after (0 for none)."""
        for mine, more in zip(self._edges, fields, strict=True):
            mine.extend(more)

    def close(self, kind: str, at: str, actor: str) -> int:
        """End the entry; return its number."""
        last_edge = self.head.last_edge + len(self._edges[0])
        head = (self.entry, kind, at, actor, self.last_id, last_edge)
        hashed = entry_hash(self.head.hash, head, self._rows, self._edges)
        self._entries.append((*head, self.head.hash, hashed))
        self.head = Head(self.entry, hashed, self.last_id, last_edge)
        for kept, new in zip((*self._waiting, *self._waiting_edges), (*self._rows, *self._edges), strict=True):
            if new:
                kept.extend(new)
                new.clear()
        self.entry += 1
        if len(self._waiting_edges[0]) >= FULL:
            self.flush()
        return self.head.entry

    def flush(self) -> None:
        """Write what waits; entries that are not closed stay."""
        if len(self._waiting_edges[0]):
            ids = range(self._first_edge, self._first_edge + len(self._waiting_edges[0]))
            bulk.insert(self.connection, tables.edge, zip(ids, *self._waiting_edges, strict=True))
            self._first_edge = ids.stop
        self._waiting[TEXT], self._bodies = self._bodies, []
        for table, rows in zip(tables.CHAINED, self._waiting, strict=True):
            if rows:
                bulk.insert(self.connection, table, rows)
                rows.clear()
        for numbers in self._waiting_edges:
            numbers.clear()
        if self._entries:
            bulk.insert(self.connection, tables.entry, self._entries)
            self._entries.clear()


def plain(facts: Mapping[str, str]) -> str:
    """Return facts as one text; empty for none."""
    import msgspec

    return msgspec.json.encode(dict(facts), order="sorted").decode() if facts else ""
