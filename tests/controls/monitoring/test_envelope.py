"""The envelope: its promise against exact enumeration, its distance against scikit-learn, hostile and odd rows."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.stats import betabinom
from sklearn.covariance import LedoitWolf
from sklearn.datasets import load_digits

from casemate.controls.monitoring.envelope import Envelope, Region, conformal_threshold, rows_needed, split, whiten
from casemate.core.control import Fitting
from casemate.core.dataset import Dataset
from casemate.core.errors import ControlFailed
from casemate.core.request import Request
from casemate.core.schema import Column, Schema

BOX = Schema(tuple(Column(f"x{i}", low=-10, high=10) for i in range(3)), ("a", "b"))
CENTRES = np.array([[-2.0, 0.0, 1.0], [2.0, 1.0, 0.0]])


def blobs(rows: int, seed: int, schema: Schema = BOX, tails: float = np.inf) -> Dataset:
    rng = np.random.default_rng(seed)
    y = rng.integers(0, 2, rows)
    noise = rng.standard_normal((rows, 3)) if np.isinf(tails) else rng.standard_t(tails, (rows, 3))
    return Dataset(CENTRES[y] + noise, y, schema)


def fitting(data: Dataset, trusted: Dataset | None = None, seed: int = 0) -> Fitting:
    return Fitting(data, trusted, None, np.random.default_rng(seed), seed)


def calibrated(data: Dataset, trusted: Dataset | None = None, seed: int = 0, **options: Any) -> Envelope:
    made: Envelope = Envelope(**options).calibrate(None, fitting(data, trusted, seed))  # type: ignore[arg-type]
    return made


def refused(control: Envelope, X: np.ndarray) -> np.ndarray:
    return control.on_request(Request(np.atleast_2d(np.asarray(X, dtype=float)))).refused


# The promise.


@given(
    arrays(np.float64, st.integers(2, 60), elements=st.integers(0, 20).map(float)),
    st.floats(0.02, 0.98),
)
def test_of_exchangeable_scores_at_most_the_rate_exceeds_the_threshold(scores: np.ndarray, rate: float) -> None:
    # Any of the n + 1 scores is as likely as any other to come last: leaving each out in turn is the exact law.
    n = len(scores) - 1
    if n < rows_needed(rate):
        return
    exceeds = [scores[i] > conformal_threshold(np.delete(scores, i), rate) for i in range(n + 1)]
    assert np.mean(exceeds) <= rate + 1e-9


@given(st.integers(1, 400), st.integers(1, 400))
def test_distinct_scores_use_the_whole_rate(n: int, allowed: int) -> None:
    allowed = min(allowed, n)
    scores = np.random.default_rng(n).permutation(n + 1).astype(float)
    rate = allowed / (n + 1)
    exceeds = [scores[i] > conformal_threshold(np.delete(scores, i), rate) for i in range(n + 1)]
    assert sum(exceeds) == allowed


@pytest.mark.parametrize(("rate", "needed"), [(0.01, 99), (0.02, 49), (0.05, 19), (0.1, 9), (0.5, 1), (0.03, 33)])
def test_rows_needed(rate: float, needed: int) -> None:
    assert rows_needed(rate) == needed
    assert np.floor((needed + 1) * rate + 1e-9) >= 1 > np.floor(needed * rate + 1e-9)


@pytest.mark.parametrize("rate", [0.01, 0.05, 0.2])
@pytest.mark.parametrize("tails", [np.inf, 3.0])
@pytest.mark.parametrize("trusted", [True, False])
def test_realised_false_alarms_lie_within_the_bounds_of_the_promise(rate: float, tails: float, trusted: bool) -> None:
    wide = replace(BOX, columns=tuple(replace(c, low=-1000, high=1000) for c in BOX.columns))
    seed, n, fresh = int(1000 * rate), 400, 4000
    train = blobs(800, seed, wide, tails)
    control = calibrated(train, blobs(n, seed + 1, wide, tails) if trusted else None, false_alarm_rate=rate)
    alarms = int(refused(control, blobs(fresh, seed + 2, wide, tails).X).sum())
    # Given the calibration, the rate is Beta(l, n + 1 - l) with l = floor((n + 1) rate).
    allowed = int(np.floor((n + 1) * rate + 1e-9))
    law = betabinom(fresh, allowed, n + 1 - allowed)
    assert law.ppf(1e-5) <= alarms <= law.ppf(1 - 1e-5)


@pytest.mark.parametrize("trusted", [98, 10])
def test_too_few_rows_for_the_rate_say_how_many_are_needed(trusted: int) -> None:
    with pytest.raises(ControlFailed, match=rf"has {trusted} rows .* needs 99") as error:
        calibrated(blobs(300, 0), blobs(trusted, 1))
    assert error.value.where == "[data] trusted"
    with pytest.raises(ControlFailed, match=r"needs 99") as error:
        calibrated(blobs(150, 0))
    assert "train" in str(error.value.where)


def test_the_rate_that_the_error_proposes_works() -> None:
    for rows in (7, 30, 64):
        with pytest.raises(ControlFailed) as error:
            calibrated(blobs(300, 0), blobs(rows, 1), false_alarm_rate=0.001)
        proposed = float(str(error.value.fix).split("false-alarm-rate to ")[1].split()[0])
        calibrated(blobs(300, 0), blobs(rows, 1), false_alarm_rate=proposed)


# Which rows fit and which calibrate.


def test_poisoned_training_rows_do_not_raise_the_threshold_past_the_trusted_rows() -> None:
    clean, trusted = blobs(400, 0), blobs(200, 1)
    poisoned = clean.append(np.full((40, 3), 9.0), np.zeros(40, dtype=int))
    control = calibrated(poisoned, trusted)
    assert control.region is not None
    assert control.region.threshold <= control.region.distance(trusted.X).max()
    assert (~refused(control, blobs(500, 2).X)).mean() > 0.95


def test_without_a_trusted_set_the_halves_share_no_row() -> None:
    fit, held_out = split(fitting(blobs(301, 0)))
    assert len(fit) + len(held_out) == 301
    assert not set(fit.ids) & set(held_out.ids)


def test_trusted_rows_that_are_training_rows_are_not_fitted() -> None:
    data = blobs(300, 0)
    trusted = data.take(np.arange(0, 120))
    fit, held_out = split(fitting(data, trusted))
    assert held_out is trusted
    assert set(fit.ids) == set(range(120, 300))
    with pytest.raises(ControlFailed, match="not also a trusted row"):
        calibrated(data, data)


# The distance.


def test_distance_is_that_of_scikit_learns_ledoit_wolf_to_the_nearest_mean() -> None:
    data, fresh = blobs(200, 3), blobs(50, 4).X
    region = Region.around(data, 0.0)
    means = np.array([data.X[data.y == c].mean(axis=0) for c in (0, 1)])
    residuals = data.X - means[data.y]
    spread = np.sqrt((residuals**2).mean(axis=0))
    precision = LedoitWolf(assume_centered=True).fit(residuals / spread).precision_
    away = (fresh[:, None] - means) / spread
    expected = np.einsum("nkd,de,nke->nk", away, precision, away).min(axis=1)
    np.testing.assert_allclose(region.distance(fresh), expected, rtol=1e-9)


def test_the_void_between_two_classes_is_far() -> None:
    schema = replace(BOX, columns=tuple(replace(c, low=-20, high=20) for c in BOX.columns))
    rng = np.random.default_rng(0)
    y = rng.integers(0, 2, 600)
    data = Dataset(np.where(y == 1, 8.0, -8.0)[:, None] + rng.standard_normal((600, 3)), y, schema)
    control = calibrated(data)
    assert refused(control, np.zeros((1, 3))).all()
    assert not refused(control, np.array([[8.0, 8, 8], [-8, -8, -8]])).any()


@given(arrays(np.float64, (12, 5), elements=st.floats(0, 1)))
def test_whitening_is_finite_for_constant_collinear_and_few_rows(residuals: np.ndarray) -> None:
    residuals = np.column_stack([residuals, residuals[:, 0], np.zeros(12), 2 * residuals[:, 1]])
    matrix = whiten(residuals)
    assert np.isfinite(matrix).all()
    assert np.linalg.eigvalsh(matrix @ matrix.T).min() > 0


def test_constant_and_collinear_columns_have_a_steep_wall() -> None:
    schema = Schema(tuple(Column(f"x{i}") for i in range(4)), ("a", "b"))

    def draw(rows: int, seed: int) -> Dataset:
        u = np.random.default_rng(seed).uniform(0.2, 0.8, (rows, 2))
        X = np.column_stack([u, u[:, 0], np.full(rows, 0.5)])
        return Dataset(X, (u[:, 0] > 0.5).astype(int), schema)

    control = calibrated(draw(600, 0), draw(200, 1))
    honest = draw(200, 2).X
    assert refused(control, honest).mean() < 0.05
    moved, apart = honest.copy(), honest.copy()
    moved[:, 3] += 0.05
    apart[:, 2] = 1 - apart[:, 0]
    assert refused(control, moved).all()
    assert refused(control, apart[np.abs(apart[:, 0] - 0.5) > 0.1]).all()


def test_images_with_constant_borders_and_more_columns_than_rows() -> None:
    X, y = load_digits(return_X_y=True)
    schema = Schema(tuple(Column(f"p{i}", high=16) for i in range(64)), tuple("0123456789"), (1, 8, 8))
    order = np.random.default_rng(0).permutation(len(X))
    data = Dataset(X, y, schema).take(order)
    control = calibrated(data.take(np.arange(0, 50)), data.take(np.arange(50, 250)))  # 50 rows, 64 columns
    assert np.isfinite(control.region.distance(data.X)).all()  # type: ignore[union-attr]
    control = calibrated(data.take(np.arange(0, 900)), data.take(np.arange(900, 1300)), false_alarm_rate=0.02)
    fresh = data.X[1300:]
    noise = np.clip(fresh + 3.2 * np.random.default_rng(1).choice([-1, 1], fresh.shape), 0, 16)
    assert refused(control, fresh).mean() < 0.06
    assert refused(control, noise).mean() > 0.9


def test_a_class_with_one_row_and_a_class_with_none() -> None:
    schema = replace(BOX, classes=("a", "b", "never"))
    data = replace(blobs(400, 0), schema=schema)
    control = calibrated(data.relabel(np.arange(400), np.r_[1, np.zeros(399, dtype=int)]), data.take(np.arange(0, 99)))
    assert control.region is not None
    assert control.region.centres.shape in {(1, 3), (2, 3)}


# Impossible rows.

MIXED = Schema(
    (
        Column("amount", low=0, high=100),
        Column("age", kind="integer", low=0, high=120),
        Column("member", kind="boolean"),
        Column("town", kind="category", high=2, categories=("a", "b", "c")),
        Column("red", kind="boolean", one_hot="colour"),
        Column("blue", kind="boolean", one_hot="colour"),
    ),
    ("no", "yes"),
)
FINE = np.array([50.0, 40, 1, 2, 1, 0])


def mixed(rows: int, seed: int) -> Dataset:
    rng = np.random.default_rng(seed)
    colour = rng.integers(0, 2, rows)
    columns = [
        rng.uniform(0, 100, rows),
        rng.integers(0, 121, rows),
        rng.integers(0, 2, rows),
        rng.integers(0, 3, rows),
    ]
    return Dataset(np.column_stack([*columns, colour, 1 - colour]), rng.integers(0, 2, rows), MIXED)


@pytest.mark.parametrize(
    ("column", "value", "possible"),
    [
        (0, 0.25, True),
        (0, 149.0, True),
        (0, 151.0, False),
        (0, -51.0, False),
        (0, np.nan, False),
        (0, np.inf, False),
        (0, -np.inf, False),
        (0, 1e308, False),
        (1, 40.5, False),
        (1, 40 + 1e-9, True),
        (1, 130.0, True),
        (1, 1000.0, False),
        (2, 0.5, False),
        (2, 2.0, False),
        (2, -1.0, False),
        (3, 3.0, False),
        (3, np.nan, False),
        (4, 0.0, False),
        (5, 1.0, False),
        (5, np.nan, False),
    ],
)
def test_impossible_values_are_always_refused(column: int, value: float, possible: bool) -> None:
    row = FINE.copy()
    row[column] = value
    for action in ("refuse", "alarm"):
        control = calibrated(mixed(600, 0), mixed(200, 1), action=action)
        request = control.on_request(Request(np.array([row, FINE])))
        assert control.region is not None
        assert control.region.possible(np.array([row]))[0] == possible
        assert not request.refused[1]
        if not possible:
            assert request.refused[0]
            assert not request.alarmed[0]
            assert "finite" in request.reasons["monitoring.envelope"]


def test_tolerance_widens_numbers_only() -> None:
    strict = calibrated(mixed(600, 0), mixed(200, 1), range_tolerance=0.0)
    assert strict.region is not None
    row = FINE.copy()
    row[0] = 100.1
    assert not strict.region.possible(row[None])[0]
    row[0] = np.float32(100.0) * (1 + 1e-8)
    assert strict.region.possible(row[None])[0]


def test_an_alarm_is_answered_and_a_refusal_is_not() -> None:
    far = np.full((1, 3), 9.0)
    alarm = calibrated(blobs(400, 0), action="alarm").on_request(Request(far))
    assert alarm.alarmed.all()
    assert not alarm.refused.any()
    refusal = calibrated(blobs(400, 0)).on_request(Request(far))
    assert refusal.refused.all()
    assert not refusal.alarmed.any()


def test_calibration_rows_that_are_impossible_name_the_column() -> None:
    trusted = blobs(200, 1)
    trusted = trusted.rewrite(np.arange(20), trusted.X[:20] + np.array([0, 500.0, 0]))
    with pytest.raises(ControlFailed, match="20 of 200 calibration rows are impossible") as error:
        calibrated(blobs(400, 0), trusted, false_alarm_rate=0.05)
    assert "x1" in str(error.value.where)
    assert "x0" not in str(error.value.where)
    calibrated(blobs(400, 0), trusted, false_alarm_rate=0.2)  # within what the owner accepts


def test_training_rows_that_are_all_impossible_are_told() -> None:
    data = blobs(400, 0)
    lost = data.rewrite(np.arange(400), data.X + 1000)
    with pytest.raises(ControlFailed, match="all of 400 training rows"):
        calibrated(lost, blobs(200, 1))


def test_impossible_training_rows_are_not_fitted() -> None:
    data = blobs(400, 0)
    spoilt = data.append(np.full((30, 3), 1e6), np.zeros(30, dtype=int))
    one, other = calibrated(data, blobs(200, 1)), calibrated(spoilt, blobs(200, 1))
    assert one.region is not None
    assert other.region is not None
    np.testing.assert_allclose(one.region.origin, other.region.origin, atol=1e-9)


def test_an_envelope_that_was_not_calibrated_says_so() -> None:
    with pytest.raises(ControlFailed, match="not calibrated"):
        Envelope().on_request(Request(np.zeros((1, 3))))


@given(arrays(np.float64, (4, 3), elements=st.floats(width=64)))
@settings(max_examples=200)
def test_any_floats_are_judged_without_a_warning(X: np.ndarray) -> None:
    marked = refused(_CONTROL, X)
    assert marked[~np.isfinite(X).all(axis=1)].all()
    assert marked[(np.abs(X) > 20.01).any(axis=1)].all()


_CONTROL = calibrated(blobs(400, 0))
