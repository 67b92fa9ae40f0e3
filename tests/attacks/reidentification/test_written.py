"""The ends that labels write, and those where nobody is."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from casemate.attacks.reidentification.written import NOBODY, code_of, end
from casemate.core.reading import read
from casemate.core.release import Meanings, Release

DOMAIN = np.array([10.0, 12.5, 18.0, 20.0])


@pytest.mark.parametrize(
    ("label", "upper", "code"),
    [
        ("10..20", False, 0),
        ("10..20", True, 3),
        ("10-20", True, 3),
        ("[10, 20)", True, 0),
        ("[10, 20)", False, 0),
        ("(10, 20]", False, 3),
        ("(10, 20)", False, NOBODY),
        ("11..19", False, NOBODY),
        ("11..19", True, NOBODY),
        ("12.5..18", True, 2),
        ("a band", False, 0),
        ("a band", True, 3),
    ],
)
def test_the_ends_of_labels(label: str, upper: bool, code: int) -> None:
    told = Meanings(DOMAIN, (label,), np.array([0], np.int32), np.array([3], np.int32))
    (reading,) = read(Release(pl.DataFrame({"x": [label]}), {}, np.arange(1), {"x": told}), ["x"])
    assert end(reading, 0, upper=upper) == code


def test_a_number_is_found_up_to_rounding() -> None:
    assert code_of(DOMAIN, 12.5000001) == 1
    assert code_of(DOMAIN, 12.9) == 1  # within a quarter of the smallest step, which is 2
    assert code_of(DOMAIN, 15.0) == NOBODY
