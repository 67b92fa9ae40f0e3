"""Subjects: which versions of data sets hold a person, found by keyed tokens that are encrypted where they lie."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from casemate.core.digests import file_digest
from casemate.core.errors import ErasedSubject
from casemate.lineage import sealed
from casemate.lineage.batch import Batch
from casemate.lineage.keys import Keys
from casemate.lineage.tokens import Bits, Tokens, span, token, tokens
from casemate.lineage.tombstones import Tombstones
from casemate.store import Store

if TYPE_CHECKING:
    import polars

FOLDER = "subjects"
Opened = tuple[np.ndarray, np.ndarray | None]
"""Both halves of sorted tokens."""


@dataclass(frozen=True)
class Index:
    """The file of tokens of one version of a data set.

    Args:
        dataset: number of the version.
        column: the column that says whom a row is about; empty where it was taken out of the data.
        rows: rows of the version.
        bits: length of a token.
        file: name of the file.
        digest: SHA-256 of the file.
    """

    dataset: int
    column: str
    rows: int
    bits: int
    file: str
    digest: str


class Subjects:
    """The people in the data, by token.

    Args:
        store: where the indexes are recorded.
        folder: of the files of tokens.
        keys: of the installation.
    """

    def __init__(self, store: Store, folder: Path, keys: Keys) -> None:
        self.store = store
        self.folder = folder / FOLDER
        self.keys = keys
        self.tombstones = Tombstones(store, self.folder, keys)
        self._opened: dict[str, Opened] = {}
        self._indexes: list[Index] | None = None

    def tokens(self, ids: polars.Series, bits: Bits = 64) -> Tokens:
        """Return the tokens of a column of ids, in a form that can be looked up; see `casemate.lineage.tokens`."""
        return tokens(self.token_key, ids, bits)

    @cached_property
    def token_key(self) -> bytes:
        """The key of the tokens."""
        return self.keys.derive("subject tokens")

    def refuse_erased(self, made: Tokens, name: str) -> None:
        """Check that nobody in new data was erased.

        Raises:
            ErasedSubject: somebody was.
        """
        rows = self.tombstones.among(made)
        if len(rows):
            some = ", ".join(str(row) for row in rows[:5].tolist())
            raise ErasedSubject(
                f"{len(rows)} rows of {name} are about people who were erased",
                where=f"rows {some}{', ...' if len(rows) > 5 else ''} (the first is 0)",
                why="data about them must not come back",
                fix="take these rows out, and find out where they came from: casemate lineage upstream",
            )

    def keep(self, batch: Batch, dataset: int, made: Tokens, column: str = "") -> Index:
        """Write the tokens of a version, and record it in an open entry."""
        file = f"{secrets.token_hex(12)}.tokens"
        halves = made.high.astype("<u8").tobytes() + (b"" if made.low is None else made.low.astype("<u8").tobytes())
        where = self.folder / file
        sealed.write(where, (halves, made.rows.astype("<i8").tobytes()), _label(dataset), self._file_key)
        index = Index(dataset, column, made.total, made.bits, file, file_digest(where))
        batch.add("subject_index", dataset, column, index.rows, index.bits, index.file, index.digest)
        return index

    def indexes(self) -> list[Index]:
        """Return the indexes of all versions, of each the latest; of those too that exist no more, for their models."""
        from sqlalchemy import select

        from casemate.store.tables import subject_index

        with self.store.reading() as connection:
            rows = connection.execute(select(subject_index).order_by(subject_index.c.id)).mappings()
            latest = {
                row["dataset"]: Index(*(row[name] for name in ("dataset", "column", "rows", "bits", "file", "digest")))
                for row in rows
            }
        return list(latest.values())

    def ended(self) -> set[int]:
        """Return the numbers of the versions that exist no more."""
        from sqlalchemy import select

        from casemate.store.tables import dataset_end

        with self.store.reading() as connection:
            return set(connection.execute(select(dataset_end.c.dataset)).scalars())

    def refresh(self) -> None:
        """Read again which indexes there are, and open those that are new."""
        self._indexes = self.indexes()
        files = {index.file for index in self._indexes}
        self._opened = {file: opened for file, opened in self._opened.items() if file in files}
        for index in self._indexes:
            if index.file not in self._opened:
                self._opened[index.file] = self._open(index)

    def holders(self, subject: str) -> list[int]:
        """Return the numbers of the versions that hold a person; `refresh` first where others may have recorded."""
        if self._indexes is None:
            self.refresh()
        high, low = token(self.token_key, subject)
        return [index.dataset for index in self._indexes or () if _holds(*self._opened[index.file], high, low)]

    def rows(self, index: Index, subject: str) -> np.ndarray:
        """Return the rows of a version that are about a person, ascending, (r,) int64."""
        high, low = self._open(index)
        start, end = span(high, low, *token(self.token_key, subject))
        return np.sort(self._rows(index)[start:end])

    def read(self, index: Index) -> Tokens:
        """Return all tokens of a version."""
        high, low = self._open(index)
        return Tokens(high, low, self._rows(index), index.rows)

    def sweep(self) -> None:
        """Remove the files of tokens that no version has any more, and what a process that died left behind."""
        files = {index.file for index in self.indexes()} | {self.tombstones.path.name}
        for path in self.folder.glob("*"):
            if path.name not in files:
                path.unlink()
        self._indexes = None

    def _open(self, index: Index) -> Opened:
        data = sealed.read(self.folder / index.file, 0, _label(index.dataset), self._file_key)
        halves = sealed.as_numbers(data, "<u8").reshape(index.bits // 64, -1)
        return halves[0], halves[1] if index.bits == 128 else None

    def _rows(self, index: Index) -> np.ndarray:
        data = sealed.read(self.folder / index.file, 1, _label(index.dataset), self._file_key)
        return sealed.as_numbers(data, "<i8")

    def _file_key(self, salt: bytes) -> bytes:
        return self.keys.derive("subject files", salt)


def _holds(highs: np.ndarray, lows: np.ndarray | None, high: np.uint64, low: np.uint64) -> bool:
    place = highs.searchsorted(high)
    if place == len(highs) or highs[place] != high:
        return False
    if lows is None:
        return True
    start, end = span(highs, lows, high, low)
    return end > start


def _label(dataset: int) -> str:
    return f"subjects of data set {dataset}"
