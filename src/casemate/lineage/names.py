"""Names: what people call data sets, columns, models, deployments and consumers, and the numbers that they have."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from casemate.core.errors import UnknownName, did_you_mean
from casemate.lineage.versions import chunks
from casemate.lineage.web import TABLES, ThingKind
from casemate.store import Store

if TYPE_CHECKING:
    from sqlalchemy import Connection, Select

SHORTEST_DIGEST = 4
VERSIONED: tuple[ThingKind, ...] = ("dataset", "model")


@dataclass(frozen=True)
class Thing:
    """A node of the lineage.

    Args:
        number: its number.
        kind: what it is.
        name: what people call it.
        digest: content digest of a version of a data set (for a column, of its own) or a model; else empty.
        dataset: for a column, the name of its data set.
        dataset_number: for a column, the number of its data set.
        model: for a deployment, the number of its model version.
    """

    number: int
    kind: ThingKind
    name: str
    digest: str = ""
    dataset: str = ""
    dataset_number: int = 0
    model: int = 0

    def __str__(self) -> str:
        """The name as `find` takes it."""
        version = f"@{self.digest[:12]}" if self.digest else ""
        if self.kind == "column":
            return f"{self.dataset}{version}:{self.name}"
        return f"{self.name}{version}"


def find(store: Store, text: str) -> list[Thing]:
    """Return what a name stands for: one node, or all versions of it.

    Args:
        store: an open store.
        text: ``crm.people`` (every version), ``crm.people@1a2b3c`` (a version, by the beginning of its digest),
            ``crm.people:age`` or ``crm.people@1a2b3c:age`` (a column); the name of a model, deployment or consumer.
            ``dataset:``, ``column:``, ``model:``, ``deployment:`` or ``consumer:`` before it says which is meant. A
            whole digest alone stands for the data sets or the models of that content, whatever they are called.

    Raises:
        UnknownName: nothing, or things of several kinds, are called so.
    """
    prefix, _, rest = text.partition(":")
    kinds: list[ThingKind] = [kind for kind in TABLES if kind == prefix]
    with store.reading() as connection:
        found = [thing for kind in TABLES for thing in _called(connection, kind, text)]
        if not found and kinds and rest:
            found = list(_called(connection, kinds[0], rest))
        if not found and re.fullmatch("[0-9a-f]{64}", text):
            found = [thing for kind in VERSIONED for thing in _with_digest(connection, kind, text)]
        if not found:
            raise UnknownName(
                f"nothing in this lineage is called {text!r}.{did_you_mean(text, _names(connection))}",
                where=store.shown,
                fix="casemate lineage list shows what there is",
            )
    called = sorted({thing.kind for thing in found})
    if len(called) > 1:
        raise UnknownName(
            f"{text!r} is the name of several things: {', '.join(called)}",
            fix=f"write {' or '.join(f'{kind}:{text}' for kind in called)}",
        )
    return found


def things(store: Store, numbers: Iterable[int], kind: ThingKind) -> list[Thing]:
    """Return nodes of one kind by their numbers, in the order given; numbers of other kinds are left out."""
    wanted = [int(number) for number in numbers]
    with store.reading() as connection:
        found = {thing.number: thing for some in chunks(wanted) for thing in _some(connection, kind, some)}
    return [found[number] for number in wanted if number in found]


def every(store: Store, kind: ThingKind) -> list[Thing]:
    """Return all nodes of one kind, the oldest first."""
    with store.reading() as connection:
        return list(_read(connection, kind, _query(kind)))


def _called(connection: Connection, kind: ThingKind, text: str) -> Iterator[Thing]:
    """The nodes of a kind that a name may mean, without what says which kind."""
    name, version = text, ""
    if kind == "column":
        dataset, colon, column = text.rpartition(":")
        if not colon:
            return
        for owner in _called(connection, "dataset", dataset):
            query = _query("column").where(
                _table("column").c.dataset == owner.number, _table("column").c.name == column
            )
            yield from _read(connection, "column", query)
        return
    query = _query(kind)
    found = list(_read(connection, kind, query.where(_table(kind).c.name == text)))
    if not found and "@" in text and kind in ("dataset", "model"):
        name, _, version = text.rpartition("@")
        if len(version) >= SHORTEST_DIGEST:
            beginning = _table(kind).c.digest.startswith(version, autoescape=True)
            found = list(_read(connection, kind, query.where(_table(kind).c.name == name, beginning)))
    yield from found


def _with_digest(connection: Connection, kind: ThingKind, digest: str) -> Iterator[Thing]:
    yield from _read(connection, kind, _query(kind).where(_table(kind).c.digest == digest))


def _some(connection: Connection, kind: ThingKind, numbers: Iterable[int]) -> Iterator[Thing]:
    yield from _read(connection, kind, _query(kind).where(_table(kind).c.id.in_(list(numbers))))


def _table(kind: ThingKind) -> Any:
    from casemate.store.tables import metadata

    return metadata.tables[TABLES[kind]]


def _query(kind: ThingKind) -> Select[Any]:
    from sqlalchemy import select

    table = _table(kind)
    if kind != "column":
        return select(table).order_by(table.c.id)
    sets = _table("dataset")
    query = select(table, sets.c.name.label("dataset_name"), sets.c.digest).join(sets, sets.c.id == table.c.dataset)
    return query.order_by(table.c.id)


def _read(connection: Connection, kind: ThingKind, query: Select[Any]) -> Iterator[Thing]:
    for row in connection.execute(query).mappings():
        yield Thing(
            row["id"],
            kind,
            row["name"],
            row.get("digest", ""),
            row.get("dataset_name", ""),
            row["dataset"] if kind == "column" else 0,
            row["model"] if kind == "deployment" else 0,
        )


def _names(connection: Connection) -> set[str]:
    """The names that somebody may have meant."""
    from sqlalchemy import select

    names: set[str] = set()
    for kind in TABLES:
        table = _table(kind)
        if kind != "column":
            names.update(connection.execute(select(table.c.name).distinct()).scalars())
    sets, columns = _table("dataset"), _table("column")
    query = select(sets.c.name, columns.c.name).join(sets, sets.c.id == columns.c.dataset).distinct().limit(10_000)
    names.update(f"{dataset}:{column}" for dataset, column in connection.execute(query))
    return names
