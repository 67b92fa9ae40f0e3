"""Reading rows from wherever they are: files by their format, and the data sets that scikit-learn ships or fetches."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from casemate.core.errors import DataMissing, DataUnreadable, EmptyData, did_you_mean
from casemate.systems.data.arrays import read_npy, read_npz
from casemate.systems.data.delimited import read_delimited
from casemate.systems.data.library import read_openml, read_sklearn
from casemate.systems.data.parquet import read_parquet
from casemate.systems.data.table import Table

FORMATS = {
    ".csv": "csv",
    ".txt": "csv",
    ".tsv": "tsv",
    ".parquet": "parquet",
    ".pq": "parquet",
    ".npz": "npz",
    ".npy": "npy",
}
"""Formats by the endings of file names, a last ``.gz`` left out for text files."""


@dataclass(frozen=True)
class Source:
    """A place to read rows from.

    Args:
        name: a path, ``sklearn:<name>`` or ``openml:<id or name>``.
        root: the folder that a relative path starts from.
        format: the file's format; None goes by its ending.
        delimiter: what separates the fields of a text file; None finds out.
        labels: path of the labels of a .npy file.
    """

    name: str
    root: Path
    format: str | None = None
    delimiter: str | None = None
    labels: str | None = None

    def read(self) -> tuple[Table, Table | None]:
        """Return the rows, and test rows where the source holds some of its own.

        Raises:
            DataMissing: no such file or data set.
            DataUnreadable: the source is not in its format.
            EmptyData: there are no rows.
        """
        table, test = self._read()
        for part in (table, test):
            if part is not None and not len(part):
                raise EmptyData("there are no rows", where=part.source, fix="check the file, or what wrote it")
        return table, test

    def _read(self) -> tuple[Table, Table | None]:
        kind, _, rest = self.name.partition(":")
        if kind == "sklearn" and rest:
            return read_sklearn(rest), None
        if kind == "openml" and rest:
            return read_openml(rest), None
        path = existing(self.root, self.name)
        match self.format or _format_of(path):
            case "parquet":
                return read_parquet(path, self.name), None
            case "npz":
                return read_npz(path, self.name)
            case "npy":
                return read_npy(path, existing(self.root, self.labels) if self.labels else None, self.name), None
            case format:
                return read_delimited(path, self.name, self.delimiter or ("\t" if format == "tsv" else None)), None


def existing(root: Path, name: str) -> Path:
    """Return the path of an existing file.

    Raises:
        DataMissing: there is none, with the nearest name beside it.
    """
    path = root / name
    if path.is_file():
        return path
    what = f"{name} is a folder" if path.is_dir() else f"there is no file {name}."
    beside = [other.name for other in path.parent.iterdir()] if path.parent.is_dir() else []
    near = "" if path.is_dir() else did_you_mean(path.name, beside)
    raise DataMissing(what + near, where=str(path), fix="give the path of a file, relative to the system file")


def _format_of(path: Path) -> str:
    name = path.name.lower().removesuffix(".gz")
    for ending, format in FORMATS.items():
        if name.endswith(ending):
            return format
    raise DataUnreadable(
        f"the ending of {path.name} tells no format",
        where=str(path),
        fix='add format = "csv", "tsv", "parquet", "npz" or "npy" to [data]',
    )
