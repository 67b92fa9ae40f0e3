"""Versions of data sets while runs are recorded: which the store knows, and what is new about them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

from casemate.core.errors import LineageError, UnknownName, did_you_mean
from casemate.core.provenance import DatasetVersion
from casemate.lineage.batch import Batch

if TYPE_CHECKING:
    from sqlalchemy import Connection

AT_ONCE = 500
Item = TypeVar("Item")


@dataclass
class Known:
    """A version that has an id.

    Args:
        id: its number among the nodes.
        version: what the latest run said of it.
        columns: the numbers of its columns.
        roles: what they are to a person.
        location, rows: what the store knows.
        closed: whether its columns are all known.
    """

    id: int
    version: DatasetVersion
    columns: dict[str, int] = field(default_factory=dict)
    roles: dict[str, str] = field(default_factory=dict)
    location: str = ""
    rows: int = -1
    closed: bool = False

    def column(self, batch: Batch, name: str) -> int:
        """Return the number of a column.

        Raises:
            UnknownName: the version says which columns it has, and this is none of them.
        """
        found = self.columns.get(name)
        if found is not None:
            return found
        if self.closed:
            raise UnknownName(
                f"an edge names the column {name!r}, which {self.version.name} does not have."
                f"{did_you_mean(name, self.columns)}",
                where=f"{self.version.name}@{self.version.digest[:12]}",
                why="an edge to nowhere would be a gap in the lineage",
                fix="name one of its columns, or leave its columns out where they are not known",
            )
        return self.add_column(batch, name)

    def add_column(self, batch: Batch, name: str) -> int:
        """Add a column; return its number."""
        role = str(self.version.roles.get(name, ""))
        number = self.columns[name] = batch.add("dataset_column", self.id, name, role)
        if role:
            self.roles[name] = role
        return number


class Versions:
    """The versions of the runs of one batch.

    Args:
        batch: where new ones are added.
        mentioned: those that its runs mention.
    """

    def __init__(self, batch: Batch, mentioned: Iterable[DatasetVersion]) -> None:
        self.batch = batch
        self._known: dict[tuple[str, str], Known] = {}
        wanted = {(version.name, version.digest): version for version in mentioned}
        for name, digest in wanted:
            _check(name, digest)
        self._look_up(batch.connection, wanted)

    def of(self, version: DatasetVersion) -> Known:
        """Return a version with its id; what is new about it is added."""
        key = (version.name, version.digest)
        known = self._known.get(key)
        if known is None:
            known = self._known[key] = self._add(version)
        else:
            self._renew(known, version)
        return known

    def _add(self, version: DatasetVersion) -> Known:
        batch = self.batch
        number = batch.add("dataset_version", version.name, version.digest, batch.text(version.location), version.rows)
        columns = batch.add_columns(number, version.columns, version.roles)
        if len(columns) < len(version.columns):
            twice = next(name for name, count in Counter(version.columns).items() if count > 1)
            raise LineageError(
                f"{version.name} names its column {twice!r} twice", fix="columns need names of their own"
            )
        roles = {name: str(role) for name, role in version.roles.items() if name in columns}
        return Known(number, version, columns, roles, version.location, version.rows, bool(columns))

    def _renew(self, known: Known, version: DatasetVersion) -> None:
        """Add what a run says of a version that the store does not know yet."""
        if version is known.version:
            return
        known.version = version
        moved = version.location and version.location != known.location
        counted = version.rows >= 0 and version.rows != known.rows
        if moved or counted:
            known.location, known.rows = version.location or known.location, max(version.rows, known.rows)
            self.batch.add("dataset_sighting", known.id, self.batch.text(known.location), known.rows)
        for name in version.columns:
            if name not in known.columns:
                known.add_column(self.batch, name)
        known.closed = known.closed or bool(version.columns)
        for name, role in version.roles.items():
            if name in known.columns and known.roles.get(name) != role:
                known.roles[name] = role
                self.batch.add("column_role", known.columns[name], role)

    def _look_up(self, connection: Connection, wanted: dict[tuple[str, str], DatasetVersion]) -> None:
        from sqlalchemy import select

        from casemate.store.tables import dataset_column, dataset_version

        if not self.batch.head.entry:
            return
        for some in chunks(sorted({digest for _, digest in wanted})):
            query = select(dataset_version).where(dataset_version.c.digest.in_(some))
            for row in connection.execute(query):
                if version := wanted.get((row.name, row.digest)):
                    bare = DatasetVersion(version.name, version.digest)
                    self._known[row.name, row.digest] = Known(row.id, bare, rows=row.rows)
        by_id = {known.id: known for known in self._known.values()}
        for some_ids in chunks(sorted(by_id)):
            query = select(dataset_column).where(dataset_column.c.dataset.in_(some_ids))
            for row in connection.execute(query):
                known = by_id[row.dataset]
                known.columns[row.name] = row.id
                if row.role:
                    known.roles[row.name] = row.role
            self._look_up_sightings(connection, by_id, some_ids)

    def _look_up_sightings(self, connection: Connection, by_id: dict[int, Known], some: Sequence[int]) -> None:
        for id, location, rows in sightings(connection, some):
            by_id[id].location = location or by_id[id].location
            by_id[id].rows = max(rows, by_id[id].rows)
        columns = {
            number: (known, name) for known in map(by_id.__getitem__, some) for name, number in known.columns.items()
        }
        for number, role in later_roles(connection, sorted(columns)):
            known, name = columns[number]
            known.roles[name] = role


def sightings(connection: Connection, datasets: Sequence[int]) -> Iterator[tuple[int, str, int]]:
    """Yield where versions were seen and how many rows were counted, the latest last; an emptied place is ''."""
    from sqlalchemy import select

    from casemate.store.tables import dataset_sighting, dataset_version, text

    first = select(dataset_version.c.id, text.c.body, dataset_version.c.rows)
    first = first.outerjoin(text, text.c.id == dataset_version.c.location)
    later = select(dataset_sighting.c.dataset, text.c.body, dataset_sighting.c.rows)
    later = later.outerjoin(text, text.c.id == dataset_sighting.c.location).order_by(dataset_sighting.c.id)
    for query, column in ((first, dataset_version.c.id), (later, dataset_sighting.c.dataset)):
        for id, body, rows in connection.execute(query.where(column.in_(datasets))):
            yield id, body or "", rows


def later_roles(connection: Connection, columns: Sequence[int]) -> Iterator[tuple[int, str]]:
    """Yield the roles that columns were given after they were first recorded, the latest last."""
    from sqlalchemy import select

    from casemate.store.tables import column_role

    for some in chunks(columns):
        query = select(column_role.c.column, column_role.c.role).where(column_role.c.column.in_(some))
        for row in connection.execute(query.order_by(column_role.c.id)):
            yield row.column, row.role


def chunks(items: Sequence[Item]) -> Iterator[Sequence[Item]]:
    """Yield items by at most `AT_ONCE`."""
    for start in range(0, len(items), AT_ONCE):
        yield items[start : start + AT_ONCE]


def _check(name: Any, digest: Any) -> None:
    if not name or not digest:
        raise LineageError(
            "a version of a data set needs a name and a digest",
            where=f"name {name!r}, digest {digest!r}",
            why="without both it could not be told from any other",
            fix="take the digest with casemate.core.digests.file_digest",
        )


def load(connection: Connection, number: int) -> DatasetVersion:
    """Return what is known of a version.

    Raises:
        UnknownName: no version has this number.
    """
    from sqlalchemy import select

    from casemate.store.tables import dataset_column, dataset_version

    row = connection.execute(select(dataset_version).where(dataset_version.c.id == number)).first()
    if row is None:
        raise UnknownName(f"there is no version of a data set with number {number}")
    query = select(dataset_column).where(dataset_column.c.dataset == number).order_by(dataset_column.c.id)
    columns = {column.id: column for column in connection.execute(query)}
    roles = {column.name: column.role for column in columns.values() if column.role}
    roles.update({columns[id].name: role for id, role in later_roles(connection, list(columns))})
    location, rows = "", -1
    for _, place, count in sightings(connection, [number]):
        location, rows = place or location, max(rows, count)
    names = tuple(column.name for column in columns.values())
    return DatasetVersion(row.name, row.digest, location, rows, names, roles)
