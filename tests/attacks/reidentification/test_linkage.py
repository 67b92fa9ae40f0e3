"""Linkage finds whom it should, by chance where rows look alike, and copes with rounding."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from casemate.attacks.reidentification.linkage import linkage
from casemate.attacks.reidentification.matching import candidates
from casemate.core.release import Release
from releases import ROLES, grouped, people, ranges, released, target


def test_names_link_everybody() -> None:
    raw = people(200)
    assert linkage(target(released(raw), 50)).outcome.all()


def test_in_groups_of_k_one_person_in_k_is_found() -> None:
    raw = people(2000, ages=2000)
    rate = linkage(target(released(raw, grouped(raw, 10)), 1500)).outcome.mean()
    assert rate == pytest.approx(0.1, abs=0.025)


def test_whoever_looks_like_nobody_is_found_by_what_agrees_most() -> None:
    raw = people(300, ages=3000, towns=40)
    rounded = raw.table.drop("name").with_columns((pl.col("age") / 10).round() * 10)
    made = Release(rounded, {name: ROLES[name] for name in rounded.columns}, raw.rows)
    evidence = linkage(target(released(raw, made), 300))
    assert evidence.outcome.mean() > 0.6


def test_of_two_groups_that_fit_the_narrower_is_taken() -> None:
    table = pl.DataFrame({"age": [5] * 4 + [20] * 4})
    raw = Release(table, {"age": "quasi-identifier"}, np.arange(8))
    told = ranges(range(30), {"5": (5, 5), "0..29": (0, 29)})
    labels = pl.Series("age", ["5"] * 4 + ["0..29"] * 4)
    found = target(released(raw, Release(table.with_columns(labels), raw.roles, raw.rows, {"age": told})), 8)
    fitting = candidates(found.disclosure)
    young = [at for at, age in enumerate(found.disclosure.people["age"].to_list()) if age == 5]
    assert all(len(fitting.fitting[at]) == 2 for at in young)
    evidence = linkage(found)
    rate = evidence.outcome.mean()
    assert 0 < rate < 0.7
    assert evidence.figures["people who fit one row only"] == 0.0


def test_missing_values_fit_where_they_were_published_as_missing() -> None:
    table = pl.DataFrame({"age": [1, None, 3, None], "town": ["a", None, "c", "d"]})
    raw = Release(table, {"age": "quasi-identifier", "town": "quasi-identifier"}, np.arange(4))
    assert linkage(target(released(raw), 4)).outcome.all()
