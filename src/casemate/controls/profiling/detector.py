"""Detector: one form that values may have, such as a card number, and the rule that a made-up one breaks."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import polars


@dataclass(frozen=True)
class Detector:
    """One form that values may have.

    Args:
        kind: what such values are: a key of `casemate.controls.profiling.kinds.KINDS`.
        pattern: the form, a regular expression that both Rust and Python understand, for the whole value.
        check: says which of the values that have the form keep its rules, (n,) bool; None where there are none.
        luck: the share of values that have the form by chance which keep the rules too.
        of: what exactly it finds.
        digits: how many digits a value may have, at least and at most.
        letters: how many letters a value may have, at least and at most.
        marks: other characters that it may have.
        told: whether the form tells only in a column whose name says so too.
    """

    kind: str
    pattern: str
    check: Callable[[polars.Series], np.ndarray] | None = None
    luck: float = 0.0
    of: str = ""
    digits: tuple[int, int] = (0, 0)
    letters: tuple[int, int] = (0, 0)
    marks: str = ""
    told: bool = False

    @cached_property
    def compiled(self) -> re.Pattern[str]:
        """The pattern for whole values, to match single ones."""
        return re.compile(self.whole)

    @property
    def whole(self) -> str:
        """The pattern, for whole values only."""
        flags = "(?i)" if self.pattern.startswith("(?i)") else ""
        return f"{flags}^(?:{self.pattern.removeprefix('(?i)')})$"

    def may_be(self, digits: int, letters: int, others: frozenset[str]) -> bool:
        """Whether a value with so many digits and letters and these other characters can have the form."""
        return (
            self.digits[0] <= digits <= self.digits[1]
            and self.letters[0] <= letters <= self.letters[1]
            and others <= self._marks
        )

    def passing(self, values: polars.Series) -> np.ndarray:
        """Return which values have the form and keep its rules, (n,) bool.

        Args:
            values: text without missing values.
        """
        formed: np.ndarray = values.str.contains(self.whole).to_numpy()
        if self.check is None or not formed.any():
            return formed
        if formed.all():
            return self.check(values)
        passed = np.zeros(len(values), dtype=bool)
        passed[formed] = self.check(values.filter(_mask(formed)))
        return passed

    @cached_property
    def _marks(self) -> frozenset[str]:
        return frozenset(self.marks)


def _mask(which: np.ndarray) -> Any:
    import polars as pl

    return pl.Series(which)
