"""Sources: the data sets that captured code reads, by what a plan tells of them: frames, files and tables."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from casemate.core.digests import digest, file_digest
from casemate.core.errors import DataMissing, LineageError
from casemate.core.provenance import DatasetVersion, Summary
from casemate.lineage.capture.flow import Frame, opaque

if TYPE_CHECKING:
    import polars

    from casemate.core.schema import Role

ELSEWHERE = "data frame from elsewhere"
UNKNOWN = "source that cannot be told"


@dataclass(frozen=True, eq=False)
class Source:
    """One data set that is read.

    Args:
        key: tells it from the others.
        version: what is recorded of it.
        load: returns the named columns, for their summaries; None where they cannot be read again.
    """

    key: str
    version: DatasetVersion
    load: Callable[[list[str]], polars.DataFrame] | None = None
    told: dict[str, Summary] = field(default_factory=dict)

    @property
    def frame(self) -> Frame:
        """Its table."""
        return Frame.source(self.key, self.version.columns)

    def summary(self, column: str) -> Summary | None:
        """Return the summary of a column, read once; None where it cannot be read."""
        if self.load is None or column not in self.version.columns:
            return None
        if column not in self.told:
            from casemate.lineage.summary import summarise

            self.told[column] = summarise(self.load([column])[column], self.version.roles.get(column))
        return self.told[column]


@dataclass
class Sources:
    """The sources of one run, and the frames that were made from them and kept.

    Args:
        found: by key.
        frames: frames in memory that stand for sources, or were made from them, with what their columns owe.
    """

    found: dict[str, Source] = field(default_factory=dict)
    frames: list[tuple[polars.DataFrame, Frame]] = field(default_factory=list)

    def add(self, source: Source) -> Source:
        """Add a source; one that is there already stays."""
        return self.found.setdefault(source.key, source)

    def add_frame(self, frame: polars.DataFrame, name: str, roles: Mapping[str, Role]) -> Source:
        """Add a data frame in memory."""
        from casemate.core.frames import frame_digest

        version = DatasetVersion(name, frame_digest(frame), "", frame.height, tuple(frame.columns), dict(roles))
        source = self.add(Source(f"frame:{name}:{version.digest}", version, frame.select))
        self.frames.append((frame, source.frame))
        return source

    def add_files(self, paths: Sequence[str], name: str = "", roles: Mapping[str, Role] | None = None) -> Source:
        """Add files that are read as one table; of one that is there already nothing changes.

        Raises:
            DataMissing: there is no such file.
        """
        listed = list(_listed(paths))
        key = "files:" + "|".join(sorted(str(path.absolute()) for path in listed))
        if key not in self.found:
            self.add(_files(key, listed, name, roles or {}))
        return self.found[key]

    def leaf(self, kind: str, told: Any, names: Sequence[str]) -> Frame:
        """Return the table of a leaf of a Polars plan; see `casemate.lineage.capture.polars_plan.Resolve`."""
        if kind == "DataFrameScan":
            return self._known(told) or self._elsewhere(told, names)
        if kind == "Scan" and told and all(map(_is_local, told)):
            found = self.add_files(told).frame
            columns = {name: owes for name, owes in found.columns.items() if name in names}
            missing = [name for name in names if name not in columns]  # such as a column of a folder's name
            return Frame({**columns, **opaque([found], missing, UNKNOWN).columns})
        return self.everything(names, UNKNOWN)

    def everything(self, names: Sequence[str], why: str) -> Frame:
        """Return a table that may have come from any source of this run.

        Raises:
            LineageError: no source is known, so that there would be a gap.
        """
        if not self.found:
            raise LineageError(
                "something is read whose origin cannot be told from the plan",
                why="there would be a gap in the lineage",
                fix="read it with scan() or frame() of the capture, or tell of it with read()",
            )
        return opaque([source.frame for source in self.found.values()], names, why)

    def _known(self, frame: polars.DataFrame) -> Frame | None:
        same = (owed for known, owed in self.frames if known.schema == frame.schema and known.equals(frame))
        return next(same, None)

    def _elsewhere(self, frame: polars.DataFrame, names: Sequence[str]) -> Frame:
        """A frame that nobody named: made of what was read before, in a way that is not known; else a source."""
        if self.found:
            return self.everything(names, ELSEWHERE)
        return self.add_frame(frame, "data frame in memory", {}).frame


def _files(key: str, paths: list[Path], name: str, roles: Mapping[str, Role]) -> Source:
    table = _Files(paths)
    digests = [file_digest(path) for path in paths]
    content = digests[0] if len(digests) == 1 else digest(digests)
    first = paths[0].absolute()
    location = str(first) if len(paths) == 1 else f"{first.parent} ({len(paths)} files)"
    version = DatasetVersion(name or paths[0].stem, content, location, table.rows, tuple(table.columns), dict(roles))
    return Source(key, version, table.load)


@dataclass(frozen=True)
class _Files:
    paths: list[Path]

    @cached_property
    def _lazy(self) -> polars.LazyFrame:
        return scan(self.paths)

    @cached_property
    def columns(self) -> list[str]:
        return self._lazy.collect_schema().names()

    @cached_property
    def rows(self) -> int:
        import polars as pl

        return int(self._lazy.select(pl.len()).collect().item())

    def load(self, columns: list[str]) -> polars.DataFrame:
        return self._lazy.select(columns).collect()


def scan(paths: Sequence[Path], **options: Any) -> polars.LazyFrame:
    """Return a lazy frame of files of one kind, known by the end of their names.

    Raises:
        LineageError: an end that is not known.
    """
    import polars as pl

    kinds: dict[str, Callable[..., polars.LazyFrame]] = {
        ".parquet": pl.scan_parquet,
        ".csv": pl.scan_csv,
        ".tsv": lambda source, **more: pl.scan_csv(source, **{"separator": "\t", **more}),
        ".json": pl.scan_ndjson,
        ".jsonl": pl.scan_ndjson,
        ".ndjson": pl.scan_ndjson,
        ".arrow": pl.scan_ipc,
        ".feather": pl.scan_ipc,
        ".ipc": pl.scan_ipc,
    }
    suffix = paths[0].suffix.lower()
    if suffix not in kinds:
        raise LineageError(
            f"files that end in {suffix or 'nothing'!r} cannot be read as a table",
            where=str(paths[0]),
            fix=f"use one of {', '.join(kinds)}, or read it yourself and tell of it with read()",
        )
    return kinds[suffix](list(paths), **options)


def _listed(paths: Sequence[str]) -> Iterator[Path]:
    """The files that paths stand for: themselves, those of a folder, those that a pattern fits."""
    for text in paths:
        path = Path(text)
        if path.is_dir():
            found = sorted(file for file in path.rglob("*") if file.is_file())
        elif path.exists():
            found = [path]
        else:
            found = sorted(Path(path.anchor or ".").glob(str(path.relative_to(path.anchor))))
        if not found:
            raise DataMissing(f"there is no file {text}", why="its content cannot be recorded")
        yield from found


def _is_local(path: str) -> bool:
    return "://" not in path or path.startswith("file://")
