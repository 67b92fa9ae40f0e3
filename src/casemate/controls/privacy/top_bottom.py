"""Top and bottom coding: publish the ends of a range in place of values outside it."""

from __future__ import annotations

from dataclasses import field
from typing import TYPE_CHECKING, Annotated

from msgspec import Meta

from casemate.core.control import Control, ReleaseFitting, control
from casemate.core.errors import OutOfRange
from casemate.core.release import Release
from casemate.systems.declaration import Range

if TYPE_CHECKING:
    import polars


@control(
    "privacy.top-bottom",
    mitigates=("re-identification", "singling-out"),
    limit="whoever is no extreme: values inside the range stay exact (Hundepool et al., Statistical Disclosure "
    "Control, Wiley 2012)",
)
class TopBottom(Control):
    """Move numbers outside a range to its nearer end, so that the oldest and the richest are not the only ones.

    ``columns`` gives the range of a column, such as ``{ age = [18, 89] }``. In other quasi-identifiers that hold
    numbers, the lowest and the highest ``share`` of the values are moved to where the rest begins; 0 leaves them alone.

    Source: Hundepool et al., "Statistical Disclosure Control", Wiley 2012, section 3.4.2.5 (top and bottom coding);
    45 CFR 164.514(b)(2), which asks for it of ages over 89.
    """

    columns: Annotated[dict[str, Range], Meta(description="Lowest and highest value, by column.")] = field(
        default_factory=dict
    )
    share: Annotated[float, Meta(ge=0, lt=0.5, description="Share of other numbers that is moved, at either end.")] = (
        0.01
    )

    def on_release(self, release: Release, fitting: ReleaseFitting) -> Release:
        """Return the release with limited numbers.

        Raises:
            OutOfRange: a range whose ends are the wrong way round.
            ShapeMismatch: a column that the release does not have.
            DataUnreadable: a named column that holds no numbers.
        """
        from casemate.controls.privacy.pointwise import column_of, number_columns, with_column

        ranges = dict(self.columns)
        for name in number_columns(release, self.columns) if self.share else ():
            ranges[name] = middle_range(release.table[name], self.share)
        for name, (low, high) in ranges.items():
            release = with_column(release, clipped(column_of(release, name, self.id), low, high))
        return release


def clipped(column: polars.Series, low: float, high: float) -> polars.Series:
    """Return numbers with those outside a range moved to its nearer end; missing ones stay missing.

    It looks at one value at a time: batches of a column give the same as the whole. Whole numbers stay whole where the
    ends are.

    Raises:
        OutOfRange: ``low`` above ``high``, or an end that is no number.
        DataUnreadable: the column holds no numbers.
    """
    import polars as pl

    from casemate.controls.privacy.pointwise import numbers_of

    if not low <= high:
        raise OutOfRange(
            f"the range of {column.name!r} is from {low:g} to {high:g}", fix="write the lowest value first"
        )
    numbers_of(column)
    if column.dtype.is_integer() and all(float(end).is_integer() for end in (low, high)):
        whole = column.cast(pl.Int64)
        return whole.clip(int(low), int(high))
    return column.cast(pl.Float64).clip(low, high)


def middle_range(column: polars.Series, share: float) -> tuple[float, float]:
    """Return the range that leaves a share of a column's numbers on either side; all numbers where there are few."""
    import polars as pl

    numbers = column.cast(pl.Float64).drop_nulls().drop_nans()
    if not len(numbers):
        return 0.0, 0.0
    low = numbers.quantile(share, interpolation="higher")
    high = numbers.quantile(1 - share, interpolation="lower")
    assert low is not None  # there are numbers
    assert high is not None
    return min(low, high), max(low, high)
