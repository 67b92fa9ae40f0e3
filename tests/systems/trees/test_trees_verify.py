"""Verification must notice a single threshold that is off by one ulp, a flipped side, or a changed leaf, anywhere."""

import dataclasses
import re
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier

from casemate.core.errors import ModelError, ShapeMismatch
from casemate.core.trees import TreeEnsemble
from casemate.systems.trees import flatten, verify
from casemate.systems.trees.probes import at_nodes, neighbours


def ensemble(seed: int = 0, precision: str = "float64", split: str = "<=", **changes: Any) -> TreeEnsemble:
    """Two trees of depth two over two columns; all leaves differ; NaN goes to random sides."""
    rng = np.random.default_rng(seed)
    leaf = np.tile([False, False, False, True, True, True, True], 2)
    children = np.array([1, 3, 5, -1, -1, -1, -1])
    left = np.concatenate((children, np.where(children < 0, -1, children + 7)))
    low, high = np.sort(rng.normal(size=(2, 2)), axis=0)
    # the root splits column 0, its children columns 0 (below the root's threshold) and 1
    threshold = np.zeros(14)
    for tree in (0, 1):
        threshold[7 * tree : 7 * tree + 3] = high[tree], low[tree], rng.normal()
    fields: dict[str, Any] = {
        "feature": np.where(leaf, -1, np.tile([0, 0, 1, 0, 0, 0, 0], 2)),
        "threshold": threshold.astype(precision),
        "left": left,
        "right": np.where(left < 0, -1, left + 1),
        "missing_left": ~leaf & (rng.random(14) < 0.5),
        "value": np.where(leaf[:, None], rng.normal(size=(14, 1)), 0.0),
        "roots": np.array([0, 7]),
        "base": np.zeros(1),
        "n_features": 2,
        "link": "sigmoid",
        "split": split,
        "precision": precision,
    }
    return TreeEnsemble(**(fields | changes))


def positive(trees: TreeEnsemble) -> Any:
    """A library's predict that gives the probability of the second class alone."""
    return lambda rows: trees.scores(rows)[:, 1]


precisions = st.sampled_from(["float32", "float64"])
splits = st.sampled_from(["<=", "<"])


@given(seed=st.integers(0, 10**6), precision=precisions, split=splits, missing=st.booleans())
def test_an_ensemble_agrees_with_itself(seed: int, precision: str, split: str, missing: bool) -> None:
    trees = ensemble(seed, precision, split)
    for answer in (trees.scores, positive(trees)):
        result = verify(trees, answer, np.zeros((2, 2)), missing=missing)
        assert result.largest_difference <= 1e-16
        assert result.rows == 2 + (6 + 2 * 6) * (4 if missing else 3)


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 10**6), node=st.sampled_from([0, 1, 2, 7, 8, 9]), precision=precisions, split=splits)
@pytest.mark.parametrize("direction", [-np.inf, np.inf])
def test_one_ulp_at_one_node_is_found(direction: float, seed: int, node: int, precision: str, split: str) -> None:
    true = ensemble(seed, precision, split)
    threshold = true.threshold.astype(precision)
    threshold[node] = np.nextafter(threshold[node], threshold.dtype.type(direction))
    off = dataclasses.replace(true, threshold=threshold)
    with pytest.raises(ModelError, match="the library scores"):
        verify(off, true.scores)


@given(seed=st.integers(0, 10**6), precision=precisions)
def test_the_other_comparison_is_found(seed: int, precision: str) -> None:
    true = ensemble(seed, precision, "<")
    with pytest.raises(ModelError, match="the library scores"):
        verify(dataclasses.replace(true, split="<="), true.scores)


@given(seed=st.integers(0, 10**6), leaf=st.sampled_from([3, 4, 5, 6, 10, 11, 12, 13]))
def test_a_changed_leaf_is_found_within_the_tolerance(seed: int, leaf: int) -> None:
    true = ensemble(seed)
    value = true.value.copy()
    value[leaf] += 1e-9
    off = dataclasses.replace(true, value=value)
    with pytest.raises(ModelError, match="the library scores"):
        verify(off, true.scores)
    if (true.labels(grid(true)) == off.labels(grid(true))).all():
        assert 0 < verify(off, true.scores, tolerance=1e-8).largest_difference < 1e-8


def grid(trees: TreeEnsemble) -> np.ndarray:
    """Every cell of the two columns."""
    cells = [np.append(trees.thresholds(feature), 1e9) for feature in (0, 1)]
    return np.stack(np.meshgrid(*cells), axis=-1).reshape(-1, 2)


@given(seed=st.integers(0, 10**6), node=st.sampled_from([0, 7]))
def test_a_flipped_missing_side_is_found_where_missing_is_probed(seed: int, node: int) -> None:
    true = ensemble(seed)
    missing_left = true.missing_left.copy()
    missing_left[node] ^= True
    off = dataclasses.replace(true, missing_left=missing_left)
    verify(off, true.scores)
    with pytest.raises(ModelError, match="nan"):
        verify(off, true.scores, missing=True)


def test_labels_must_agree_whatever_the_tolerance() -> None:
    trees = ensemble()
    with pytest.raises(ModelError, match="the library scores"):
        verify(trees, lambda rows: trees.scores(rows)[:, ::-1], tolerance=1.0)


def test_a_library_that_answers_nan_is_found() -> None:
    with pytest.raises(ModelError, match="nan"):
        verify(ensemble(), lambda rows: np.full((len(rows), 2), np.nan), tolerance=1.0)


def test_the_error_names_row_feature_and_threshold() -> None:
    true = ensemble()
    threshold = true.threshold.copy()
    threshold[9] = np.nextafter(threshold[9], np.inf)
    with pytest.raises(ModelError) as raised:
        verify(dataclasses.replace(true, threshold=threshold), true.scores)
    where = str(raised.value.where)
    assert re.match(r"feature 1 at threshold \S+, row \[\S+, \S+\]$", where)
    assert repr(float(threshold[9])) in where


def test_base_rows_are_compared_too_and_named() -> None:
    trees = ensemble()

    def backdoored(rows: np.ndarray) -> np.ndarray:
        scores = trees.scores(rows)
        return np.where((rows == 77.0).all(axis=1)[:, None], scores[:, ::-1], scores)

    verify(trees, backdoored)
    with pytest.raises(ModelError, match="the library scores") as raised:
        verify(trees, backdoored, [[77.0, 77.0]])
    assert raised.value.where == "row [77.0, 77.0]"


def test_a_limit_on_nodes_thins_them_evenly() -> None:
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(200, 3)), rng.integers(0, 2, 200)
    model = RandomForestClassifier(n_estimators=5, random_state=0).fit(X, y)
    trees = flatten(model)
    inner = int((trees.feature >= 0).sum())
    asked = (verify(trees, model.predict_proba, nodes=20).rows - 1) // 3
    assert 0.5 * 20 <= asked <= 20 < inner
    assert verify(trees, model.predict_proba, nodes=10**6).rows - 1 == 3 * inner
    seen = np.unique(np.concatenate([np.unique(p.feature) for p in at_nodes(trees, np.zeros(3), False, 20)]))
    assert seen.tolist() == [0, 1, 2]


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 10**6), missing=st.booleans())
def test_every_reachable_node_is_reached_by_its_witness(seed: int, missing: bool) -> None:
    rng = np.random.default_rng(seed)
    X, y = rng.normal(size=(80, 2)), rng.integers(0, 2, 80)
    X[rng.random(X.shape) < 0.3] = np.nan
    model = HistGradientBoostingClassifier(max_iter=2, min_samples_leaf=2, max_leaf_nodes=8).fit(X, y)
    trees = flatten(model)
    probes = list(at_nodes(trees, np.zeros(2), missing, None))
    width = 4 if missing else 3
    reached = sum(len(part.rows) for part in probes)
    finite = int((np.isfinite(trees.threshold) & (trees.feature >= 0)).sum())
    if missing:
        infinite = int((np.isposinf(trees.threshold) & (trees.feature >= 0)).sum())
        assert reached == width * finite + 2 * infinite  # at infinity: its lower neighbour, and NaN
    assert reached <= width * trees.n_nodes
    verify(trees, model.predict_proba, missing=missing)


def test_nodes_that_no_input_reaches_are_left_out() -> None:
    trees = TreeEnsemble(
        feature=np.array([0, 0, -1, -1, 1, -1, -1]),
        threshold=np.array([0.0, 1.0, 0, 0, 5.0, 0, 0]),  # below 0, nothing goes right of 1 to the third split
        left=np.array([1, 3, -1, -1, 5, -1, -1]),
        right=np.array([2, 4, -1, -1, 6, -1, -1]),
        missing_left=np.zeros(7, bool),
        value=np.array([[0], [0], [1.0], [2.0], [0], [3.0], [4.0]]),
        roots=np.array([0]),
        base=np.zeros(1),
        n_features=2,
        link="sigmoid",
    )
    assert verify(trees, trees.scores).rows == 1 + 3 * 2
    by_nan = dataclasses.replace(trees, missing_left=np.array([True] + [False] * 6))
    assert verify(by_nan, by_nan.scores, missing=True).rows == 1 + 4 * 3


def test_neighbours_are_ulps_of_the_models_width() -> None:
    for precision, ulp in (("float32", 2.0**-23), ("float64", 2.0**-52)):
        around = neighbours(ensemble(precision=precision), np.array([1.0]))
        assert around.tolist() == [[1.0, 1 - ulp / 2, 1 + ulp]]


@pytest.mark.parametrize("X", [np.zeros((2, 3)), np.zeros(2)])
def test_base_rows_of_another_shape_are_refused(X: np.ndarray) -> None:
    with pytest.raises(ShapeMismatch, match="base rows"):
        verify(ensemble(), ensemble().scores, X)


def test_answers_of_another_shape_are_refused() -> None:
    with pytest.raises(ShapeMismatch, match="the library answers with shape"):
        verify(ensemble(), lambda rows: np.zeros((len(rows), 3)))
