"""Rounding: publish numbers as multiples of a round number."""

from __future__ import annotations

from dataclasses import field
from typing import TYPE_CHECKING, Annotated

from msgspec import Meta

from casemate.core.control import Control, ReleaseFitting, control
from casemate.core.release import Release
from casemate.systems.declaration import PositiveNumber

if TYPE_CHECKING:
    import polars


@control(
    "privacy.rounding",
    mitigates=("re-identification",),
    limit="columns left as they are, and several rounded ones together: a few coarse values already single people out "
    "(de Montjoye et al., Scientific Reports 3:1376, 2013)",
)
class Rounding(Control):
    """Round numbers to the nearest multiple, halves upwards.

    ``columns`` gives the multiple of a column, such as ``{ income = 1000 }``. Other quasi-identifiers that hold numbers
    are rounded to a multiple of 1, 2 or 5 times a power of ten, so that at most ``steps`` of them make up the column's
    range; 0 leaves them alone.

    Source: Hundepool et al., "Statistical Disclosure Control", Wiley 2012, section 3.2 (rounding).
    """

    columns: Annotated[dict[str, PositiveNumber], Meta(description="Multiples, by column.")] = field(
        default_factory=dict
    )
    steps: Annotated[int, Meta(ge=0, description="Steps in the range of other numbers; 0 leaves them alone.")] = 20

    def on_release(self, release: Release, fitting: ReleaseFitting) -> Release:
        """Return the release with rounded numbers.

        Raises:
            ShapeMismatch: a column that the release does not have.
            DataUnreadable: a named column that holds no numbers.
        """
        from casemate.controls.privacy.pointwise import column_of, number_columns, with_column

        multiples: dict[str, float] = dict(self.columns)
        for name in number_columns(release, self.columns) if self.steps else ():
            multiples[name] = multiple_for(release.table[name], self.steps)
        for name, multiple in multiples.items():
            release = with_column(release, rounded(column_of(release, name, self.id), multiple))
        return release


def rounded(column: polars.Series, multiple: float) -> polars.Series:
    """Return numbers rounded to the nearest multiple, halves upwards; whole numbers stay whole where it is whole.

    It looks at one value at a time: batches of a column give the same as the whole.

    Raises:
        DataUnreadable: the column holds no numbers.
    """
    import polars as pl

    from casemate.controls.privacy.pointwise import numbers_of

    numbers_of(column)
    if column.dtype.is_integer() and float(multiple).is_integer():
        whole = column.cast(pl.Int64)
        return ((whole + int(multiple) // 2) // int(multiple) * int(multiple)).alias(column.name)
    times = (column.cast(pl.Float64) / multiple + 0.5).floor()
    return (times * multiple).round(_decimals(multiple)).alias(column.name)


def multiple_for(column: polars.Series, steps: int) -> float:
    """Return the round number of which at most ``steps`` make up a column's range; 1 where it has none."""
    import polars as pl

    from casemate.controls.anonymity.numbers import round_up

    numbers = column.cast(pl.Float64)
    known = numbers.filter(numbers.is_finite()).to_numpy()
    span = float(known.max() - known.min()) if len(known) else 0.0
    if span == 0:
        return 1.0
    multiple = round_up(span / steps)
    return max(1.0, multiple) if column.dtype.is_integer() else multiple


def _decimals(multiple: float) -> int:
    """Return after how many decimal places a multiple is written out."""
    text = f"{multiple:.15g}"
    if "e" in text:
        digits, _, power = text.partition("e")
        return max(0, len(digits.partition(".")[2]) - int(power))
    return len(text.partition(".")[2])
