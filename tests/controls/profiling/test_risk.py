"""Risk figures against their definitions; estimates against populations that are known."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import hyp2f1

from casemate.controls.profiling.population import inverse_size, pitman
from casemate.controls.profiling.risk import risk_of


@given(st.lists(st.integers(1, 300), min_size=1, max_size=60))
@settings(max_examples=100, deadline=None)
def test_figures_are_what_rows_say(sizes: list[int]) -> None:
    risk = risk_of(np.array(sizes))
    rows = np.repeat(sizes, sizes)  # every row's class size
    n = len(rows)
    assert (risk.rows, risk.classes, risk.smallest) == (n, len(sizes), min(sizes))
    assert risk.unique == pytest.approx((rows == 1).mean())
    assert risk.highest == pytest.approx((1 / rows).max())
    assert risk.mean == pytest.approx((1 / rows).mean())
    assert risk.exposed == pytest.approx((1 / rows > 0.2).mean())
    assert sum(risk.histogram) == pytest.approx(1)
    pairs = sum(size * (size - 1) for size in sizes)
    assert risk.unseparated == pytest.approx(pairs / (n * (n - 1)) if n > 1 else 0)


@pytest.mark.parametrize("fraction", [0.01, 0.2, 0.9])
@pytest.mark.parametrize("size", [1, 2, 5, 40, 80, 1000])
def test_expected_inverse_is_the_hypergeometric_one(size: int, fraction: float) -> None:
    (told,) = inverse_size(np.array([size]), fraction)
    if size <= 40:
        exact = fraction**size / size * hyp2f1(size, size, size + 1, 1 - fraction)
        assert told == pytest.approx(exact, rel=1e-6)
    assert fraction / size * 0.999 <= told <= 1 / size


def test_a_whole_population_needs_no_estimate() -> None:
    held = risk_of(np.array([1, 2, 3]), 1.0).population
    assert held is not None
    assert (held.journalist_max, held.journalist_mean) == (1.0, pytest.approx(0.5))
    assert held.unique == pytest.approx(1 / 6)


def test_pitman_comes_near_where_a_sample_alone_does_not() -> None:
    rng = np.random.default_rng(0)
    population = rng.zipf(1.3, 400_000) % 150_000
    _, sizes = np.unique(population, return_counts=True)
    truth = (sizes == 1).sum() / len(population)
    drawn = rng.choice(population, 20_000, replace=False)
    _, seen = np.unique(drawn, return_counts=True)
    naive = (seen == 1).sum() / len(drawn)
    told = pitman(seen, len(population))
    assert told is not None
    assert abs(told - truth) < 0.5 * abs(naive - truth)
    assert 0.4 * truth < told < 2.5 * truth


@pytest.mark.parametrize("sizes", [[1, 1, 1], [4, 5], [7], [1]])
def test_no_estimate_where_the_model_does_not_fit(sizes: list[int]) -> None:
    assert pitman(np.array(sizes), 1000) is None
    held = risk_of(np.array(sizes), 0.1).population
    assert held is not None
    assert held.unique is None
