"""Batch: entries on their way into the store. Ids are given out here, and whole entries are hashed."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from casemate.core.errors import LineageError
from casemate.lineage.chain import EDGE_FIELDS, FIRST, commitment, entry_hash
from casemate.store import bulk, tables

if TYPE_CHECKING:
    from sqlalchemy import Connection

TABLES = tuple(str(table.name) for table in tables.CHAINED)
Rows = list[tuple[Any, ...]]
PLACE = {name: position for position, name in enumerate(TABLES)}
TEXT = PLACE["text"]
COLUMN = PLACE["dataset_column"]
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
        self._rows: dict[int, Rows] = {}
        self._edges: list[list[int]] = [[] for _ in range(EDGE_FIELDS)]
        self._texts: dict[str, int] = {"": 0}
        self.details = Details(self)
        self._bodies: list[tuple[Any, ...]] = []
        self._waiting: dict[int, Rows] = {}
        self._entries: list[tuple[Any, ...]] = []
        self._waiting_edges: list[list[int]] = [[] for _ in range(EDGE_FIELDS)]
        self._first_edge = self.head.last_edge + 1

    def add(self, table: str, *values: str | int) -> int:
        """Add a thing with an id; return the id."""
        self.last_id += 1
        self._into(PLACE[table]).append((self.last_id, self.entry, *values))
        return self.last_id

    def add_columns(self, dataset: int, names: Sequence[str], roles: Mapping[str, str]) -> dict[str, int]:
        """Add the columns of a data set; return the id of each."""
        found = dict(zip(names, range(self.last_id + 1, self.last_id + 1 + len(names)), strict=True))
        rows = [(id, self.entry, dataset, name, str(roles.get(name, ""))) for name, id in found.items()]
        self._into(COLUMN).extend(rows)
        self.last_id += len(names)
        return found

    def put(self, table: str, *values: str | int) -> None:
        """Add a row whose key begins with the entry."""
        self._into(PLACE[table]).append((self.entry, *values))

    def text(self, body: str) -> int:
        """Add free text, once per batch; return its id, 0 for none."""
        if body not in self._texts:
            salt = secrets.token_hex(16)
            self._texts[body] = self.add("text", promise := _promised(salt, body))
            self._bodies.append((self.last_id, self.entry, promise, salt, body))
        return self._texts[body]

    def detail(self, kind: str, masking: bool, transformation: str, why: str) -> int:
        """Return the id of what many edges have in common; added once per batch."""
        return self.details[kind, masking, transformation, why]

    def edges(self, sources: Iterable[int], targets: Iterable[int], details: Iterable[int]) -> int:
        """Add edges; return the id of the first."""
        first = self.head.last_edge + len(self._edges[0]) + 1
        for mine, more in zip(self._edges, (sources, targets, details), strict=True):
            mine.extend(more)
        return first

    def summarise(self, edge: int, before: int, after: int) -> None:
        """Add the texts of the summaries of an edge's columns, 0 for none."""
        self._into(PLACE["edge_summary"]).append((edge, self.entry, before, after))

    def close(self, kind: str, at: str, actor: str) -> int:
        """End the entry; return its number."""
        last_edge = self.head.last_edge + len(self._edges[0])
        head = (self.entry, kind, at, actor, self.last_id, last_edge)
        try:
            rows = [(TABLES[place], some) for place, some in sorted(self._rows.items()) if some]
            hashed = entry_hash(self.head.hash, head, rows, self._edges)
        except UnicodeEncodeError as error:
            raise LineageError(
                f"a name cannot be written as UTF-8: {error.object[:60]!r}", fix="give it in valid characters"
            ) from None
        self._entries.append((*head, self.head.hash, hashed))
        self.head = Head(self.entry, hashed, self.last_id, last_edge)
        for place, some in self._rows.items():
            self._waiting.setdefault(place, []).extend(some)
        self._rows.clear()
        for numbers, waiting in zip(self._edges, self._waiting_edges, strict=True):
            waiting.extend(numbers)
            numbers.clear()
        self.entry += 1
        if len(self._waiting_edges[0]) >= FULL:
            self.flush()
        return self.head.entry

    def flush(self) -> None:
        """Write what waits; an entry that is not closed stays."""
        if count := len(self._waiting_edges[0]):
            ids = range(self._first_edge, self._first_edge + count)
            bulk.insert_columns(self.connection, tables.edge, [ids, *self._waiting_edges])
            self._first_edge = ids.stop
            for numbers in self._waiting_edges:
                numbers.clear()
        if self._bodies:
            self._waiting[TEXT], self._bodies = self._bodies, []
        for place, rows in sorted(self._waiting.items()):
            bulk.insert(self.connection, tables.CHAINED[place], rows)
        self._waiting.clear()
        bulk.insert(self.connection, tables.entry, self._entries)
        self._entries.clear()

    def _into(self, place: int) -> Rows:
        """The rows of a table in the open entry."""
        rows = self._rows.get(place)
        if rows is None:
            rows = self._rows[place] = []
        return rows


class Details(dict[tuple[str, bool, str, str], int]):
    """The ids of what edges have in common: kind, masking, transformation and reason."""

    def __init__(self, batch: Batch) -> None:
        super().__init__()
        self.batch = batch

    def __missing__(self, key: tuple[str, bool, str, str]) -> int:
        kind, masking, transformation, why = key
        if not why:
            raise LineageError(
                f"an edge ({transformation or kind}) has no reason",
                why="lineage says why, for every column",
                fix="give why=...",
            )
        found = self[key] = self.batch.add("edge_detail", kind, int(masking), transformation, self.batch.text(why))
        return found


def _promised(salt: str, body: str) -> str:
    try:
        return commitment(salt, body)
    except UnicodeEncodeError:
        raise LineageError(
            f"a text cannot be written as UTF-8: {body[:60]!r}", fix="give it in valid characters"
        ) from None


def plain(facts: Mapping[str, str]) -> str:
    """Return facts as one text; empty for none."""
    import msgspec

    return msgspec.json.encode(dict(facts), order="sorted").decode() if facts else ""
