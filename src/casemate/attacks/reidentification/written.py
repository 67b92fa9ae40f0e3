"""Written: the ends of a range as its label says them, which is all that a reader of the release has."""

from __future__ import annotations

import re

import numpy as np

from casemate.core.reading import Reading, resolution

_NUMBER = r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?"
_RANGE = re.compile(rf"([\[(\]]?)\s*({_NUMBER})\s*(?:\.\.|,|;|-|–|to)\s*({_NUMBER})\s*([\])\[]?)")

NOBODY = -1


def end(reading: Reading, label: int, *, upper: bool) -> int:
    """Return the code of the lower or upper end that a label writes; `NOBODY` where no raw value is there.

    A label whose range leaves an end out, such as ``[20, 30)``, is read at its other end. Of words, and of numbers
    whose label shows no range, it is the end of what the label may stand for.
    """
    m = reading.meanings
    code = int(m.high[label] if upper else m.low[label])
    if m.domain.dtype.kind != "f":
        return code
    found = _RANGE.fullmatch(m.labels[label].strip())
    if found is None:
        return code
    opened, low, high, closed = found.groups()
    lacks_low, lacks_high = opened in ("(", "]"), closed in (")", "[")
    if lacks_low and lacks_high:
        return NOBODY
    return code_of(m.domain, float(high if (upper or lacks_low) and not lacks_high else low))


def code_of(domain: np.ndarray, value: float) -> int:
    """Return the code of a number; `NOBODY` where the domain does not hold it."""
    at = int(np.nanargmin(np.abs(domain - value)))
    return at if abs(float(domain[at]) - value) < resolution(domain) / 4 else NOBODY
