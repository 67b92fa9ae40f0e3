"""Re-keying: a released table from one key epoch to another, batch by batch; all but its pseudonyms stays as it is."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from casemate.controls.deidentification.source import Source
from casemate.controls.deidentification.work import Watch
from casemate.controls.pseudonyms import rekey_map, rekey_pairs, swapped
from casemate.core.errors import PseudonymRefused

if TYPE_CHECKING:
    import polars

    from casemate.controls.pseudonyms import Pseudonymiser


@dataclass(frozen=True, eq=False)
class Change:
    """How the pseudonyms of one column change.

    Args:
        column: its name.
        old, new: under the keys of the old and the new epoch.
        raw: all values that its pseudonyms may stand for, in any order; needed where ``old`` has no way back.
    """

    column: str
    old: Pseudonymiser
    new: Pseudonymiser
    raw: polars.Series | None = None

    def __post_init__(self) -> None:
        if self.raw is None and not self.old.reversible:
            raise PseudonymRefused(
                f"pseudonyms of the kind {self.old.name} cannot be re-keyed without the values they stand for",
                where=f"column {self.column!r}",
                why="a keyed hash has no way back",
                fix="give the raw table",
            )


def rekeyed(source: Source, changes: Sequence[Change], watch: Watch) -> Iterator[polars.DataFrame]:
    """Yield the rows of a table in their order, with new pseudonyms.

    Raises:
        SealBroken: a pseudonym that does not open under the old key.
        PseudonymRefused: one that stands for none of the raw values.
    """
    known = {change.column: _known(change) for change in changes}
    for batch in _batches(source, source.columns, watch):
        made = [swapped(batch[one.column], _pairs(batch[one.column], one, known[one.column])) for one in changes]
        yield batch.with_columns(made)


def rekeying_map(source: Source, changes: Sequence[Change], watch: Watch) -> polars.DataFrame:
    """Return which new pseudonym takes the place of each old one in a table: columns ``column``, ``old`` and ``new``.

    The map joins both epochs, and so is as secret as the keys.

    Raises:
        SealBroken, PseudonymRefused: see `rekeyed`.
    """
    import polars as pl

    known = {change.column: _known(change) for change in changes}
    held: dict[str, pl.DataFrame] = {}
    for batch in _batches(source, [change.column for change in changes], watch):
        for one in changes:
            old = batch[one.column]
            pairs = _pairs(old, one, known[one.column])
            swapped(old, pairs)  # all of them are there
            some = pairs.filter(pl.col("old").is_in(old.implode()))
            held[one.column] = pl.concat([held.get(one.column, some.clear()), some]).unique("old")
    told = [pairs.sort("old").select(pl.lit(name).alias("column"), "old", "new") for name, pairs in held.items()]
    return pl.concat(told)


def _batches(source: Source, columns: Sequence[str], watch: Watch) -> Iterator[polars.DataFrame]:
    done = 0
    for batch in source.batches(columns):
        yield batch
        done += batch.height
        watch("re-keying", done, source.rows)


def _known(change: Change) -> polars.DataFrame | None:
    return None if change.raw is None or change.old.reversible else rekey_pairs(change.raw, change.old, change.new)


def _pairs(old: polars.Series, change: Change, known: polars.DataFrame | None) -> polars.DataFrame:
    """The map of at least the pseudonyms of one batch."""
    return rekey_map(old, change.old, change.new) if known is None else known
