"""Tombstones: tokens of people who were erased, kept encrypted so that their return is noticed; for nothing else."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from casemate.core.errors import LineageError
from casemate.lineage import sealed
from casemate.lineage.keys import Keys
from casemate.lineage.tokens import Tokens, token
from casemate.store import Store

FILE = "erased.tokens"
LABEL = "people who were erased"


class Tombstones:
    """The tokens of people who were erased.

    Args:
        store: says how many there must be.
        folder: of the file.
        keys: of the installation.
    """

    def __init__(self, store: Store, folder: Path, keys: Keys) -> None:
        self.store = store
        self.path = folder / FILE
        self.keys = keys

    def add(self, subject: str) -> None:
        """Add a person; whoever is there already stays as they are."""
        found = set(map(tuple, self._read().tolist()))
        found.add(tuple(int(half) for half in token(self._token_key, subject)))
        table = np.array(sorted(found), "<u8")
        sealed.write(self.path, (table.tobytes(), b""), LABEL, self._file_key)

    def among(self, made: Tokens) -> np.ndarray:
        """Return the rows of a table that are about people who were erased, ascending, (r,) int64.

        Raises:
            LineageError: people were erased, and the file that knows them is gone.
        """
        known = self._read()
        if not len(known):
            return np.zeros(0, np.int64)
        high, low = np.ascontiguousarray(known[:, 0]), known[:, 1]
        place = np.minimum(np.searchsorted(high, made.high), len(high) - 1)
        hit = high[place] == made.high
        if made.low is not None:
            hit &= low[place] == made.low
        return np.sort(made.rows[hit])

    def __len__(self) -> int:
        return len(self._read())

    def _read(self) -> np.ndarray:
        """The tokens, ascending, (p, 2) uint64."""
        if not self.path.exists():
            if self._expected():
                raise LineageError(
                    "people were erased, and the list of their tokens is gone",
                    where=str(self.path),
                    why="if they came back, nobody would notice",
                    fix="restore it from a backup",
                )
            return np.zeros((0, 2), np.uint64)
        data = sealed.read(self.path, 0, LABEL, self._file_key)
        return sealed.as_numbers(data, "<u8").reshape(-1, 2).astype(np.uint64)

    def _expected(self) -> bool:
        with self.store.reading() as connection:
            return connection.exec_driver_sql("SELECT 1 FROM erasure LIMIT 1").first() is not None

    @property
    def _token_key(self) -> bytes:
        return self.keys.derive("subject tokens")

    def _file_key(self, salt: bytes) -> bytes:
        return self.keys.derive("erased", salt)
