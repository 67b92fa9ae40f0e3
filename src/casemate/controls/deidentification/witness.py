"""Witness: sees every row on its way out, and says what the published table guarantees and what it lost.

It knows nothing of how the rows were made: groups are rows whose published quasi-identifiers are equal.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from casemate.controls.anonymity.coding import encode
from casemate.controls.anonymity.packing import numbered_columns
from casemate.controls.anonymity.survey import domain_of
from casemate.controls.anonymity.verification import Anonymity, verify
from casemate.controls.deidentification import scratch
from casemate.controls.pseudonyms.distinct import encode as distinct_places
from casemate.core.release import Meanings

if TYPE_CHECKING:
    import polars


_HELD = 1 << 22
"""Rows after which what was noted is left to the disk."""


@dataclass(frozen=True)
class Losses:
    """How much detail was lost.

    Args:
        columns: per blurred column, the mean share of its values that a published one may stand for beyond one: 0 for a
            raw value, 1 for all (normalised certainty penalty; Xu et al., KDD 2006). A row that was left out counts 1.
        suppressed: share of the rows that were left out.
    """

    columns: Mapping[str, float]
    suppressed: float

    @property
    def mean(self) -> float:
        """The mean over the columns; 0 where none was blurred."""
        return sum(self.columns.values()) / len(self.columns) if self.columns else 0.0


class Witness:
    """Collects the published values that decide what a table guarantees.

    Args:
        rows: rows that may come, at most.
        columns: the published quasi-identifiers.
        sensitive: the published sensitive columns.
        where: a folder for what does not fit into the memory.
    """

    def __init__(self, rows: int, columns: Sequence[str], sensitive: Sequence[str], where: Path) -> None:
        self.columns, self.sensitive = tuple(columns), tuple(sensitive)
        self.rows = 0
        self._codes = [scratch.array(where, (rows,), np.int32) for _ in self.columns]
        self._secret = [scratch.array(where, (rows,), np.int32) for _ in self.sensitive]
        self._words = {name: _Words() for name in (*self.columns, *self.sensitive)}
        self._distinct: dict[str, polars.Series] = {}

    def see(self, frame: polars.DataFrame) -> None:
        """Take note of published rows."""
        stop = self.rows + frame.height
        for j, name in enumerate(self.columns):
            self._codes[j][self.rows : stop] = self._words[name].numbers(frame[name])
        for j, name in enumerate(self.sensitive):
            self._secret[j][self.rows : stop] = self._words[name].numbers(frame[name])
            seen = frame[name].unique()
            self._distinct[name] = self._distinct[name].append(seen).unique() if name in self._distinct else seen
        if stop // _HELD > self.rows // _HELD:
            for held in (*self._codes, *self._secret):
                scratch.forget(held)
        self.rows = stop

    def anonymity(self) -> Anonymity | None:
        """Return what the table guarantees; None where it has no quasi-identifier or no row."""
        if not self.columns or not self.rows:
            return None
        secret = np.empty((self.rows, len(self.sensitive)), dtype=np.int32)
        ordered = []
        for j, name in enumerate(self.sensitive):
            values = self._distinct[name].alias(name)
            domain = domain_of(values)
            numbers = self._words[name].numbers(values)
            places = np.zeros(len(self._words[name]) + 1, dtype=np.int32)  # the last one is that of a missing value
            places[numbers] = encode(values, domain, exact=True)
            secret[:, j] = places[self._secret[j][: self.rows]]
            scratch.forget(self._secret[j])
            ordered.append(domain.ordinal)
        return verify(numbered_columns(self._published()), secret, ordinal_sensitive=ordered)

    def _published(self) -> Iterator[np.ndarray]:
        """Yield the codes of one column after the other."""
        for codes in self._codes:
            yield codes[: self.rows]
            scratch.forget(codes)

    def losses(self, meanings: Mapping[str, Meanings], suppressed: int) -> Losses:
        """Return what the published values lost; ``suppressed`` rows were left out."""
        import polars as pl

        lost = {}
        total = max(self.rows + suppressed, 1)
        for j, name in enumerate(self.columns):
            if name in meanings:
                told = meanings[name]
                shares = (told.sizes - 1) / max(len(told.domain) - 1, 1)
                numbers = self._words[name].numbers(
                    pl.Series([label or None for label in told.labels], dtype=pl.String)
                )
                by_number = np.zeros(len(self._words[name]) + 1)
                by_number[numbers] = shares
                lost[name] = float((by_number[self._codes[j][: self.rows]].sum() + suppressed) / total)
        return Losses(lost, suppressed / total)


class _Words:
    """Numbers for values as they are written, the same in every batch."""

    def __init__(self) -> None:
        self._known: dict[str, int] = {}

    def __len__(self) -> int:
        return len(self._known)

    def numbers(self, column: polars.Series) -> np.ndarray:
        """Return the number of each value, (n,) int32; -1 for a missing one."""
        import polars as pl

        distinct, places = distinct_places(column.cast(pl.String))
        numbers = [self._known.setdefault(word, len(self._known)) for word in distinct.to_list()]
        table = np.array([*numbers, -1], dtype=np.int32)
        return np.asarray(table[places.fill_null(len(numbers)).to_numpy()])
