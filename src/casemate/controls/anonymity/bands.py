"""Ready-made hierarchies: bands of numbers, months of dates, leading characters of words such as postcodes."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Literal

import numpy as np

from casemate.controls.anonymity.hierarchies import WHOLE, Hierarchy, in_order
from casemate.controls.anonymity.labels import Span, number_text, write_span
from casemate.core.errors import OutOfRange

Step = Literal["month", "quarter", "year", "decade"]

STEPS: tuple[Step, ...] = ("month", "quarter", "year", "decade")


def number_bands(values: np.ndarray, widths: Sequence[float], origin: float = 0.0) -> Hierarchy:
    """Return bands of fixed widths over ascending numbers, (c,) finite float64.

    A band of whole numbers is named ``20..29``; where the values have fractions, ``[20, 30)``.

    Args:
        widths: the width of a band at each level, narrow to wide; each a whole multiple of the one before.
        origin: where a band begins.

    Raises:
        OutOfRange: widths that do not fit into each other, or values that are not finite.
    """
    _check_widths(widths)
    if not np.isfinite(values).all():
        raise OutOfRange("an infinite value lies in no band", fix="clip the column, or leave its bands out")
    whole = bool((values == np.floor(values)).all()) and all(float(width).is_integer() for width in widths)
    columns = [[number_text(value) for value in values.tolist()]]
    for width in widths:
        lows = origin + np.floor((values - origin) / width) * width
        columns.append([_band(low, width, whole) for low in lows.tolist()])
    return _built(columns)


def date_bands(values: Sequence[str], steps: Sequence[Step]) -> Hierarchy:
    """Return months, quarters, years or decades over ascending dates, such as ``2024-02-29``, with or without time.

    Raises:
        OutOfRange: steps that are not narrow to wide, or a value that is no such date.
    """
    if list(steps) != sorted(set(steps), key=STEPS.index):
        raise OutOfRange(f"the steps {', '.join(steps)} do not get wider", fix=f"write them in this order: {STEPS}")
    for value in values:
        if not (value[:4].isdigit() and value[4:5] == "-" and value[5:7].isdigit()):
            raise OutOfRange(f"{value!r} is no date", fix="dates are written as 2024-02-29")
    return _built([list(values), *([_step(value, step) for value in values] for step in steps)])


def prefix_bands(values: Sequence[str], keep: Sequence[int]) -> Hierarchy:
    """Return the leading characters of ascending words, the others hidden: ``SW1A 1AA``, ``SW1*``, ``S*``.

    Args:
        keep: how many characters stay at each level, many to few.

    Raises:
        OutOfRange: numbers that do not get smaller.
    """
    if list(keep) != sorted(set(keep), reverse=True) or (keep and keep[-1] < 1):
        raise OutOfRange(
            f"prefixes of {', '.join(map(str, keep))} characters do not get shorter",
            fix="write them from long to short, such as [4, 2]",
        )
    return _built([list(values), *([_hidden(value, length) for value in values] for length in keep)])


def _built(columns: list[list[str]]) -> Hierarchy:
    return in_order([*columns, [WHOLE] * len(columns[0])])


def _check_widths(widths: Sequence[float]) -> None:
    for one, other in pairwise(widths):
        times = other / one
        if abs(times - round(times)) > 1e-9 or times < 2:
            raise OutOfRange(
                f"a band of {other:g} holds no whole number of bands of {one:g}",
                why="a value would lie in two wider bands",
                fix=f"make each width a multiple of the one before, such as [{one:g}, {2 * one:g}]",
            )


def _band(low: float, width: float, whole: bool) -> str:
    if not whole:
        return write_span(Span(low, low + width, open_high=True))
    return write_span(Span(low, low + width - 1)) if width > 1 else number_text(low)


def _hidden(value: str, length: int) -> str:
    return value[:length] + WHOLE if len(value) > length else value


def _step(value: str, step: Step) -> str:
    match step:
        case "month":
            return value[:7]
        case "quarter":
            return f"{value[:4]}-Q{(int(value[5:7]) + 2) // 3}"
        case "year":
            return value[:4]
    return f"{value[:3]}0s"
