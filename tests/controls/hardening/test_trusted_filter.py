"""The trusted-set filter: what it drops, what it keeps, its promise, and trusted sets that cannot serve."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy.stats import binom
from sklearn.datasets import load_breast_cancer, load_digits, make_moons

from casemate.controls.hardening.trusted_filter import TrustedFilter, p_values
from casemate.core.control import Fitting
from casemate.core.dataset import Dataset
from casemate.core.errors import ControlFailed
from casemate.core.schema import Column, Schema


def dataset(loader: Any, **arguments: Any) -> Dataset:
    X, y = loader(**({"return_X_y": True} | arguments))
    columns = tuple(Column(f"x{i}", low=float(c.min()), high=float(c.max())) for i, c in enumerate(X.T))
    shape = (1, 8, 8) if X.shape[1] == 64 else ()
    data = Dataset(X, y, Schema(columns, tuple(f"c{c}" for c in range(y.max() + 1)), shape))
    return data.take(np.random.default_rng(0).permutation(len(data)))


CANCER = dataset(load_breast_cancer)
DIGITS = dataset(load_digits)
MOONS = dataset(lambda **_: make_moons(1500, noise=0.15, random_state=0))


def filtered(data: Dataset, trusted: Dataset | None, seed: int = 0, **options: Any) -> Dataset:
    kept: Dataset = TrustedFilter(**options).on_data(Fitting(data, trusted, None, np.random.default_rng(seed), seed))
    return kept


def flipped(data: Dataset, share: float, seed: int = 0) -> tuple[Dataset, np.ndarray]:
    rng = np.random.default_rng(seed)
    rows = rng.choice(len(data), int(share * len(data)), replace=False)
    return data.relabel(rows, (data.y[rows] + rng.integers(1, data.classes, len(rows))) % data.classes), data.ids[rows]


# What it drops, what it keeps.


@pytest.mark.parametrize(
    ("data", "trusted", "caught"), [(CANCER, 150, 0.85), (DIGITS, 500, 0.93), (MOONS, 150, 0.9)], ids=str
)
def test_drops_flipped_labels_and_few_clean_ones(data: Dataset, trusted: int, caught: float) -> None:
    rest = data.take(np.arange(trusted, len(data)))
    poisoned, ids = flipped(rest, 0.1)
    kept = filtered(poisoned, data.take(np.arange(trusted)))
    assert 1 - np.isin(ids, kept.ids).mean() >= caught
    clean = np.setdiff1d(rest.ids, ids)
    lost = int((~np.isin(clean, kept.ids)).sum())
    assert lost <= binom(len(clean), 0.08).ppf(0.999)  # .05 on average over trusted sets, some more for this one


def test_keeps_order_identities_and_groups() -> None:
    rest = CANCER.take(np.arange(150, 400))
    grouped = Dataset(rest.X, rest.y, rest.schema, rest.ids, {"ward": np.arange(len(rest))})
    kept = filtered(grouped, CANCER.take(np.arange(150)))
    places = np.flatnonzero(np.isin(grouped.ids, kept.ids))
    np.testing.assert_array_equal(kept.ids, grouped.ids[places])
    np.testing.assert_array_equal(kept.groups["ward"], places)
    np.testing.assert_array_equal(kept.X, grouped.X[places])
    assert len(grouped) == 250


def test_same_seed_same_rows() -> None:
    rest, trusted = CANCER.take(np.arange(150, 569)), CANCER.take(np.arange(150))
    assert filtered(rest, trusted, 3).digest == filtered(rest, trusted, 3).digest


def test_a_higher_rate_drops_a_superset() -> None:
    rest, trusted = CANCER.take(np.arange(300, 569)), CANCER.take(np.arange(300))
    few, many = (set(filtered(rest, trusted, false_drop_rate=rate).ids) for rate in (0.02, 0.2))
    assert many < few


def test_trusted_rows_among_the_training_rows_are_kept() -> None:
    trusted = CANCER.take(np.arange(150))
    kept = filtered(CANCER, trusted)
    assert np.isin(trusted.ids, kept.ids).mean() > 0.95


def test_no_training_rows_are_no_trouble() -> None:
    empty = CANCER.take(np.arange(0))
    assert len(filtered(empty, CANCER.take(np.arange(150)))) == 0


# The promise.


def test_clean_rows_of_each_class_are_lost_at_about_the_rate() -> None:
    # Rare and hard: one row in nine is of class 1, and the classes overlap. A threshold shared by both classes would
    # drop the rare class several times as often.
    schema = Schema((Column("x", low=-9, high=9), Column("y", low=-9, high=9)), ("common", "rare"))
    rng = np.random.default_rng(0)
    lost = np.zeros(2)
    total = np.zeros(2)
    for seed in range(6):
        y = (rng.random(900) < 1 / 9).astype(int)
        data = Dataset(np.clip(rng.standard_normal((900, 2)) + y[:, None], -9, 9), y, schema)
        p = p_values(data.take(np.arange(400)), data.take(np.arange(400, 900)), seed)
        lost += np.bincount(data.y[400:][p <= 0.1], minlength=2)
        total += np.bincount(data.y[400:], minlength=2)
    assert (lost / total <= 0.15).all()
    assert (lost / total >= 0.03).all()


def test_p_values_lie_in_their_grid() -> None:
    trusted = CANCER.take(np.arange(150))
    rest = CANCER.take(np.arange(150, 300))
    p = p_values(trusted, rest, 0)
    steps = p * (1 + np.bincount(trusted.y)[rest.y])
    np.testing.assert_allclose(steps, np.rint(steps))
    assert (steps >= 1).all()
    assert (p <= 1).all()


def test_a_row_with_another_rows_features_and_the_wrong_label_is_the_least_plausible() -> None:
    trusted = CANCER.take(np.arange(200))
    sure = trusted.take(np.arange(5))
    assert (p_values(trusted, sure.relabel(np.arange(5), 1 - sure.y), 0) < p_values(trusted, sure, 0)).all()


# Trusted sets that cannot serve.


def test_no_trusted_set_says_what_to_do() -> None:
    with pytest.raises(ControlFailed, match="no trusted rows") as error:
        filtered(CANCER, None)
    assert "at least 19 rows of every class" in str(error.value.fix)


def test_a_trusted_set_cut_from_a_file_that_is_sorted_by_class() -> None:
    by_class = DIGITS.take(np.argsort(DIGITS.y, kind="stable"))
    with pytest.raises(ControlFailed, match=r"too few rows of 8 of 10 classes .*'c2'") as error:
        filtered(DIGITS, by_class.take(np.arange(300)))
    assert "sorted by class" in str(error.value.why)


@pytest.mark.parametrize(("rate", "needed"), [(0.05, 19), (0.02, 49), (0.5, 5), (0.1, 9)])
def test_each_class_needs_enough_rows_for_the_rate(rate: float, needed: int) -> None:
    benign, malignant = (np.flatnonzero(CANCER.y == c) for c in (1, 0))
    rest = CANCER.take(np.r_[benign[150:], malignant[150:]])
    enough = CANCER.take(np.r_[benign[:150], malignant[:needed]])
    assert len(filtered(rest, enough, false_drop_rate=rate)) > 0.3 * len(rest)
    with pytest.raises(ControlFailed, match=rf"too few rows of 1 of 2 classes \('c0': {needed - 1}\)"):
        filtered(rest, enough.take(np.arange(len(enough) - 1)), false_drop_rate=rate)


def test_other_columns_or_classes_than_the_training_rows() -> None:
    with pytest.raises(ControlFailed, match="other columns or classes"):
        filtered(CANCER, DIGITS.take(np.arange(500)))


def test_a_class_of_which_nothing_is_left() -> None:
    rest, trusted = CANCER.take(np.arange(300, 569)), CANCER.take(np.arange(300))
    other_way_round = rest.relabel(np.arange(len(rest)), 1 - rest.y)
    only = other_way_round.take(np.flatnonzero((other_way_round.y == 0) | (rest.X[:, 0] < 12)))
    surely_wrong = only.take(np.flatnonzero((only.y == 1) | (p_values(trusted, only, 0) <= 0.05)))
    with pytest.raises(ControlFailed, match="no training row labelled 'c0' is plausible"):
        filtered(surely_wrong, trusted)


def test_constant_columns_and_columns_of_very_different_scales() -> None:
    X = np.column_stack([CANCER.X * 1e6, np.zeros(len(CANCER)), CANCER.X[:, :3] * 1e-6])
    schema = Schema(tuple(Column(f"x{i}", low=0, high=1e10) for i in range(X.shape[1])), ("a", "b"))
    wide = Dataset(X, CANCER.y, schema)
    poisoned, ids = flipped(wide.take(np.arange(200, 569)), 0.1)
    kept = filtered(poisoned, wide.take(np.arange(200)))
    assert np.isin(ids, kept.ids).mean() < 0.15
