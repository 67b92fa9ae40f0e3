"""Date shift: move all dates of one person by the same secret number of days."""

from __future__ import annotations

import hashlib
import hmac
from typing import TYPE_CHECKING, Annotated

import numpy as np
from msgspec import Meta

from casemate.core.control import Control, ReleaseFitting, control, learned
from casemate.core.errors import ControlFailed, DataUnreadable, OutOfRange
from casemate.core.release import Meanings, Release

if TYPE_CHECKING:
    import polars


@control(
    "privacy.date-shift",
    mitigates=("re-identification", "singling-out"),
    limit="dates that lie farther apart than they move, and the times between a person's dates, which stay as they "
    "were: whoever knows two dates may know the person (Hripcsak et al., JAMIA 23(6) 2016)",
)
class DateShift(Control):
    """Move dates by up to ``days`` days to either side, all dates of one person by the same number.

    The number is computed from the person's identifier under a secret key. ``subject`` is the column that says which
    person a row is about, by default the first identifier of the raw table; without one, every row is a person.
    ``columns`` are the dates, by default all columns of dates. Text such as 2024-02-29 counts as a date where the
    column is named. In an assessment the key is drawn from the seed; what is really published takes it from a key
    store.

    Source: Hripcsak, Mirhaji, Low & Malin, "Preserving temporal relations in clinical data while maintaining privacy",
    JAMIA 23(6) 2016 (shift and truncate).
    """

    days: Annotated[int, Meta(ge=1, le=36500, description="Days by which dates move, at most.")] = 180
    subject: Annotated[str, Meta(description="Column that says which person a row is about.")] = ""
    columns: Annotated[tuple[str, ...], Meta(description="Columns of dates; by default all.")] = ()
    key: bytes | None = learned()

    def on_release(self, release: Release, fitting: ReleaseFitting) -> Release:
        """Return the release with moved dates.

        Raises:
            ControlFailed: there is no column of dates.
            ShapeMismatch: a column that the release or the raw table does not have.
            DataUnreadable: a named column that holds no dates.
        """
        from casemate.controls.privacy.pointwise import column_of, with_column

        key = self.key or fitting.rng.bytes(32)
        names = self.columns or tuple(n for n, kind in release.table.schema.items() if _is_date(kind))
        if not names:
            raise ControlFailed(
                "the table has no column of dates", where=self.id, fix="name the columns: columns = [...]"
            )
        offsets = shifts(self._subjects(release, fitting.raw), key, self.days)
        for name in names:
            before = column_of(release, name, self.id)
            after = shifted(before, offsets)
            release = with_column(release, after, within(before, after, self.days))
        return release

    def _subjects(self, release: Release, raw: Release) -> polars.Series:
        import polars as pl

        from casemate.controls.privacy.pointwise import column_of

        name = self.subject or next(iter(raw.columns("identifier")), "")
        if not name:
            return pl.Series("subject", release.rows)
        return column_of(raw, name, f"{self.id}: subject").gather(release.rows)


def shifts(subjects: polars.Series, key: bytes, days: int) -> polars.Series:
    """Return by how many days each row's dates move, (n,) int64 in [-days, days]: the same for the same person.

    Rows whose person is missing all move by the same number.

    Args:
        subjects: which person each row is about, (n,).
        key: a secret, good for nothing else.
        days: how far, at most, 1 or more.
    """
    import polars as pl

    from casemate.controls.pseudonyms.canonical import to_text

    if days < 1:
        raise OutOfRange(f"dates cannot move by {days} days at most", fix="choose 1 day or more, such as 180")
    people = to_text(subjects).fill_null("")
    distinct = people.unique()
    drawn = [_draw(key, person.encode(), days) for person in distinct.to_list()]
    return people.replace_strict(distinct, pl.Series(drawn, dtype=pl.Int64), return_dtype=pl.Int64)


def shifted(dates: polars.Series, offsets: polars.Series) -> polars.Series:
    """Return dates, (n,) as dates, points in time or text such as 2024-02-29, moved by whole days (n,).

    Raises:
        DataUnreadable: a value that is no date.
    """
    import polars as pl

    if _is_date(dates.dtype):
        both = pl.DataFrame([dates.alias("date"), offsets.alias("days")])
        moved = both.select(pl.col("date") + pl.duration(days="days")).to_series()
        return moved.cast(dates.dtype).alias(dates.name)
    parsed = dates.cast(pl.String).str.to_date("%Y-%m-%d", strict=False)
    wrong = parsed.is_null() & dates.is_not_null()
    if wrong.any():
        row = int(wrong.arg_true()[0])
        raise DataUnreadable(
            f"{dates[row]!r} is no date",
            where=f"column {dates.name!r}, row {row + 1}",
            why="it would be published as it is, beside dates that moved",
            fix="write dates as 2024-02-29, or leave the column out",
        )
    return shifted(parsed, offsets).cast(pl.String).alias(dates.name)


def _draw(key: bytes, person: bytes, days: int) -> int:
    number = int.from_bytes(hmac.new(key, person, hashlib.sha256).digest()[:16], "big")
    return number % (2 * days + 1) - days


def _is_date(kind: polars.DataType) -> bool:
    import polars as pl

    return kind == pl.Date or isinstance(kind, pl.Datetime)


def within(before: polars.Series, after: polars.Series, days: int) -> Meanings:
    """Return what each moved date may stand for: every date of the column that is no farther off than ``days``."""
    import polars as pl

    from casemate.controls.anonymity.survey import domain_of

    domain = domain_of(before)
    as_dates = pl.Date if not isinstance(before.dtype, pl.Datetime) else before.dtype
    raw = before.cast(as_dates) if _is_date(before.dtype) else before.cast(pl.String).str.to_date("%Y-%m-%d")
    known = raw.drop_nulls().unique().sort()
    labels = after.unique().drop_nulls().sort()
    moved = labels if _is_date(labels.dtype) else labels.str.to_date("%Y-%m-%d")
    reach = pl.duration(days=days)
    ends = moved.alias("d").to_frame().select((pl.col("d") - reach).alias("low"), (pl.col("d") + reach).alias("high"))
    low = known.search_sorted(ends["low"].cast(known.dtype), side="left").to_numpy().astype(np.int32)
    high = known.search_sorted(ends["high"].cast(known.dtype), side="right").to_numpy().astype(np.int32) - np.int32(1)
    texts = labels.cast(pl.String).to_list()
    if domain.missing:
        last = np.int32(len(domain.values))
        texts, low, high = [*texts, ""], np.append(low, last), np.append(high, last)
    return Meanings(domain.raw, tuple(texts), low.astype(np.int32), high.astype(np.int32))
