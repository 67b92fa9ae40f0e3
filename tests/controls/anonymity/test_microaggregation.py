"""Microaggregation: groups of k to 2 k - 1 near rows, and the middles that are published of them."""

import datetime

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from casemate.controls.anonymity.coding import code
from casemate.controls.anonymity.domains import Detail
from casemate.controls.anonymity.grouping import Grouping
from casemate.controls.anonymity.microaggregation import mdav
from casemate.controls.anonymity.middles import render_middles
from casemate.core.errors import DataError


def plain_mdav(points: np.ndarray, k: int) -> set[frozenset[int]]:
    """The algorithm of Domingo-Ferrer & Mateo-Sanz (2002), written down as it is printed."""
    left, groups = list(range(len(points))), set()

    def take(centre: np.ndarray) -> None:
        near = sorted(left, key=lambda row: (float(((points[row] - centre) ** 2).sum()), row))[:k]
        groups.add(frozenset(near))
        for row in near:
            left.remove(row)

    def farthest(centre: np.ndarray) -> int:
        return max(left, key=lambda row: (float(((points[row] - centre) ** 2).sum()), -row))

    while len(left) >= 3 * k:
        r = farthest(points[left].mean(axis=0))
        s = farthest(points[r])
        take(points[r])
        take(points[s])
    if len(left) >= 2 * k:
        take(points[farthest(points[left].mean(axis=0))])
    groups.add(frozenset(left))
    return groups


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 5), st.integers(0, 40), st.integers(0, 100))
def test_groups_as_the_printed_algorithm(k: int, more: int, seed: int) -> None:
    points = np.random.default_rng(seed).normal(size=(k + more, 2))
    table = pl.DataFrame({"x": points[:, 0], "y": points[:, 1]})
    grouping = mdav(code(table, ["x", "y"]), k)
    spread = np.where(points.std(axis=0) > 0, points.std(axis=0), 1.0)
    ours = {frozenset(np.flatnonzero(grouping.ids == group).tolist()) for group in range(grouping.count)}
    assert ours == plain_mdav((points - points.mean(axis=0)) / spread, k)


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 7), st.integers(1, 150), st.integers(0, 100))
def test_groups_have_k_to_twice_k_rows(k: int, n: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    table = pl.DataFrame({"age": rng.integers(0, 5, n), "city": rng.choice(["a", "b", "c"], n)})
    coded = code(table, table.columns)
    if n < k:
        with pytest.raises(DataError):
            mdav(coded, k)
        return
    grouping = mdav(coded, k, block=20)
    assert grouping.suppressed == 0
    assert grouping.sizes.min() >= k
    assert grouping.sizes.max() < 2 * k or grouping.count == 1


def test_equal_rows_are_grouped_by_their_place() -> None:
    grouping = mdav(code(pl.DataFrame({"x": [1] * 7}), ["x"]), 2)
    assert sorted(grouping.sizes.tolist()) == [2, 2, 3]


def test_middles_of_every_kind() -> None:
    table = pl.DataFrame(
        {
            "age": [20, 30, 41, 50, 60],
            "income": [1.0, 2.0, None, None, None],
            "city": ["a", "b", "b", "c", None],
            "born": [datetime.date(2000, 1, day) for day in (1, 9, 3, 4, 5)],
            "level": ["low", "high", "low", "high", "high"],
        }
    )
    coded = code(table, table.columns, {"level": Detail(order=("low", "high"))})
    shown = render_middles(Grouping(np.array([0, 0, 0, 1, 1], dtype=np.int32), 2), coded, table)
    assert shown.columns["age"].to_list() == [30, 30, 30, 55, 55]
    assert shown.columns["income"].to_list() == [1.5, 1.5, 1.5, None, None]
    assert shown.columns["city"].to_list() == ["b", "b", "b", "c", "c"]
    assert shown.columns["born"].to_list()[::4] == [datetime.date(2000, 1, 3), datetime.date(2000, 1, 4)]
    assert shown.columns["level"].to_list() == ["low", "low", "low", "high", "high"]
    assert {name: column.dtype for name, column in shown.columns.items()} == dict(table.schema)
    median = render_middles(Grouping(np.array([0, 0, 0, 1, -1], dtype=np.int32), 2), coded, table, "median")
    assert median.rows.tolist() == [0, 1, 2, 3]
    assert median.columns["age"].to_list() == [30, 30, 30, 50]
    assert median.columns["income"].to_list() == [1.0, 1.0, 1.0, None]
