"""Which form most values of a column have: every detector on a few of them, the likely ones on all."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from casemate.controls.profiling.contact import DETECTORS as CONTACT
from casemate.controls.profiling.detector import Detector
from casemate.controls.profiling.national import DETECTORS as NATIONAL
from casemate.controls.profiling.sample import Sample

DETECTORS = (*CONTACT, *NATIONAL)
LIKELY = 0.25
"""The share of the probe that must have a form before all values are tried."""

ENOUGH = 0.6
"""The share of all values that must have the form and keep its rules."""

ENOUGH_TOLD = 0.3
"""The same where the column's name says the same."""

_LONGEST = 300
_MIXED = ("phone", "ip")
_SOME = 200
_FITS = tuple(detector.compiled.match for detector in DETECTORS)
_SHAPE = str.maketrans("0123456789", "9" * 10)


@dataclass(frozen=True)
class Form:
    """A form that most values of a column have.

    Args:
        kind: what such values are.
        share: the share of the different values that have the form and keep its rules, in 0 to 1.
        score: how sure it is, in 0 to 1.
        text: what was found, in words.
    """

    kind: str
    share: float
    score: float
    text: str


def best_form(taken: Sample, named: str | None) -> Form | None:
    """Return the form that most values have; None where there is none.

    Args:
        taken: the column's values.
        named: the kind that its name suggests.
    """
    found = [_form(taken, alike, told=named == alike[0].kind) for alike in _grouped(_likely(taken, named))]
    return max(filter(None, found), key=lambda form: form.score + 0.1 * (form.kind == named), default=None)


def _grouped(detectors: Iterable[Detector]) -> Iterable[list[Detector]]:
    """Put detectors together whose forms are mixed in one column, such as those of telephone numbers."""
    groups: dict[str, list[Detector]] = {}
    for one in detectors:
        groups.setdefault(one.kind if one.kind in _MIXED else f"{one.kind}:{one.of}:{one.pattern}", []).append(one)
    return groups.values()


def _form(taken: Sample, alike: list[Detector], *, told: bool) -> Form | None:
    """Return the form that the values have by detectors of one kind; None where too few of them have it."""
    shares = [one.passing(taken.values) for one in alike]
    share = float(np.any(shares, axis=0).mean()) if len(shares) > 1 else float(shares[0].mean())
    if share < (ENOUGH_TOLD if told else ENOUGH):
        return None
    main = alike[int(np.argmax([passing.sum() for passing in shares]))]
    few = main.luck ** min(taken.different, 10)  # that they all pass by chance
    return Form(main.kind, share, share * (1 - max(few, main.luck**2 * (not told))), _text(main, share))


def _likely(taken: Sample, named: str | None) -> list[Detector]:
    """Return the detectors that enough of a few values pass; their shape alone rules most detectors out."""
    fitting: dict[int, int] = {}
    for value in taken.probe:
        if len(value) <= _LONGEST:
            for index in _possible(value.translate(_SHAPE)):
                if _FITS[index](value) is not None:
                    fitting[index] = fitting.get(index, 0) + 1
    least = LIKELY * len(taken.probe)
    formed = [DETECTORS[index] for index, count in fitting.items() if count >= least or DETECTORS[index].kind in _MIXED]
    formed = [one for one in formed if not one.told or one.kind == named]
    if len(formed) < 2 or len(taken.values) <= 4 * _SOME:
        return formed
    some = taken.values.gather_every(len(taken.values) // _SOME)
    return [one for one in formed if one.check is None or one.passing(some).mean() >= LIKELY / 2]


@lru_cache(maxsize=8192)
def _possible(shape: str) -> tuple[int, ...]:
    digits = shape.count("9")
    letters = sum(map(str.isalpha, shape))
    others = frozenset(char for char in shape if char != "9" and not char.isalpha())
    return tuple(index for index, one in enumerate(DETECTORS) if one.may_be(digits, letters, others))


def _text(detector: Detector, share: float) -> str:
    rules = ", check digits and all" if detector.check is not None and detector.luck < 0.2 else ""
    return f"{share:.0%} of its values have the form of: {detector.of}{rules}"
