"""Frequency: skewed values are read, evenly spread ones are not, and a column beside helps."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from casemate.attacks.reidentification.frequency import frequency
from casemate.core.release import Release
from casemate.core.schema import Role
from releases import released, target

ROLES: dict[str, Role] = {"town": "quasi-identifier", "job": "feature"}


def covered(town: np.ndarray, job: np.ndarray | None = None) -> tuple[Release, Release]:
    columns = {"town": [f"town {value}" for value in town]}
    if job is not None:
        columns["job"] = [f"job {value}" for value in job]
    raw = Release(pl.DataFrame(columns), {name: ROLES[name] for name in columns}, np.arange(len(town)))
    names = np.random.default_rng(9).permutation(int(town.max()) + 1)
    hidden = pl.Series("town", [f"p{names[value]:04d}" for value in town])
    return raw, Release(raw.table.with_columns(hidden), raw.roles, raw.rows, pseudonyms={"town": "a permutation"})


def test_values_of_different_frequency_are_read() -> None:
    share = 0.6 ** np.arange(8)
    town = np.random.default_rng(0).choice(8, 5000, p=share / share.sum())
    evidence = frequency(target(released(*covered(town)), 500))
    assert evidence.figures["right with it"] > 0.95
    assert evidence.figures["right without it"] == pytest.approx(0.4, abs=0.08)


def test_values_that_are_equally_common_are_not() -> None:
    town = np.random.default_rng(0).integers(40, size=4000)
    evidence = frequency(target(released(*covered(town)), 500))
    assert evidence.figures["right with it"] < 0.2


def test_a_column_beside_them_gives_equally_common_values_away() -> None:
    rng = np.random.default_rng(0)
    town = rng.integers(10, size=6000)
    job = np.where(rng.random(6000) < 0.5, town, rng.integers(10, size=6000))
    evidence = frequency(target(released(*covered(town, job)), 500))
    assert evidence.figures["columns read beside"] == 1.0
    assert evidence.figures["right with it"] > 0.95


def test_many_values_are_matched_by_rank() -> None:
    town = np.arange(1500)
    evidence = frequency(target(released(*covered(town)), 200))
    assert evidence.figures["distinct pseudonyms"] == 1500
    assert evidence.figures["right with it"] < 0.1
