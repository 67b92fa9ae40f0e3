"""Every classifier of scikit-learn that skops can store loads; forged trees and indices are refused before use."""

from __future__ import annotations

import pickle
import warnings
from collections import deque
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.datasets import load_iris
from sklearn.decomposition import PCA
from sklearn.ensemble import (
    GradientBoostingClassifier,
    HistGradientBoostingClassifier,
    RandomForestClassifier,
    StackingClassifier,
    VotingClassifier,
)
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeClassifier
from sklearn.utils import all_estimators
from skops import io

from casemate.core.errors import ModelUnreadable, PickleRefused
from casemate.core.schema import Column, Schema
from casemate.systems import unpacking
from casemate.systems.models import load_model
from casemate.systems.models.integrity import check

X, Y = load_iris(return_X_y=True)
IRIS = Schema(tuple(Column(str(i), high=10) for i in range(4)), ("0", "1", "2"))
SMALL = {"n_estimators": 3, "max_iter": 60}


def classifiers() -> list[Any]:
    found = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # deprecated classes, and fits that were cut short
        for _, kind in all_estimators("classifier"):
            try:
                made = kind()
                made.set_params(**{k: v for k, v in SMALL.items() if k in made.get_params()})
                found.append(made.fit(X, Y))
            except (TypeError, ValueError):  # those that need another estimator, or other data
                continue
    assert len(found) > 25
    return found


@pytest.mark.filterwarnings("ignore:Class .* is deprecated:FutureWarning")
@pytest.mark.parametrize("fitted", classifiers(), ids=lambda m: type(m).__name__)
def test_every_classifier_loads_and_answers_the_same(fitted: Any, tmp_path: Path):
    path = tmp_path / "model.skops"
    path.write_bytes(io.dumps(fitted))
    model, _ = load_model(path, IRIS)
    # predict may disagree with predict_proba (NearestCentroid's does); what is served are the probabilities.
    expected = fitted.predict_proba(X).argmax(axis=1) if hasattr(fitted, "predict_proba") else fitted.predict(X)
    np.testing.assert_array_equal(model.scores(X).argmax(axis=1), expected)


@pytest.mark.parametrize(
    "fitted",
    [
        make_pipeline(StandardScaler(), LogisticRegression()),
        VotingClassifier([("a", DecisionTreeClassifier()), ("b", LogisticRegression(max_iter=500))]),
    ],
    ids=lambda m: type(m).__name__,
)
def test_compound_estimators_load(fitted: Any, tmp_path: Path):
    path = tmp_path / "model.skops"
    path.write_bytes(io.dumps(fitted.fit(X, Y)))
    model, _ = load_model(path, IRIS)
    np.testing.assert_array_equal(model.scores(X).argmax(axis=1), fitted.predict(X))


def forge_tree(field: str, value: int) -> RandomForestClassifier:
    forest = RandomForestClassifier(2, random_state=0).fit(X, Y)
    tree = forest.estimators_[1].tree_
    state = tree.__getstate__()
    state["nodes"][field][0] = value
    tree.__setstate__(state)
    return forest


@pytest.mark.parametrize(
    ("field", "value"), [("left_child", 10**6), ("right_child", 10**6), ("left_child", 0), ("feature", 99)]
)
def test_forged_trees_are_refused(field: str, value: int):
    with pytest.raises(ModelUnreadable, match="Tree"):
        check(forge_tree(field, value), "model.skops")


@pytest.mark.parametrize("value", [10**6, 0])
def test_forged_boosted_trees_are_refused(value: int):
    boosted = HistGradientBoostingClassifier(max_iter=2).fit(X, Y)
    check(boosted, "model.skops")
    boosted._predictors[1][0].nodes["left"][0] = value
    with pytest.raises(ModelUnreadable, match="TreePredictor"):
        check(boosted, "model.skops")


def test_boosted_trees_that_ask_for_a_column_beyond_the_row_are_refused():
    boosted = HistGradientBoostingClassifier(max_iter=2).fit(X, Y)
    boosted._predictors[1][0].nodes["feature_idx"][0] = 99
    with pytest.raises(ModelUnreadable, match="TreePredictor"):
        check(boosted, "model.skops")


@pytest.mark.parametrize("kind", [RandomForestClassifier, GradientBoostingClassifier])
def test_members_that_were_fitted_on_more_columns_are_refused(kind: Any):
    # Each tree agrees with itself; but the ensemble hands it rows of four columns without asking.
    wide = np.hstack((X, X, X))
    model, other = (kind(n_estimators=2, random_state=0).fit(rows, Y) for rows in (X, wide))
    check(model, "model.skops")
    check(make_pipeline(StandardScaler(), PCA(2), kind(n_estimators=2)).fit(X, Y), "model.skops")
    model.estimators_ = other.estimators_
    with pytest.raises(ModelUnreadable, match="Tree|GradientBoosting"):
        check(model, "model.skops")


def test_boosting_with_more_trees_in_a_round_than_sums_is_refused():
    model = GradientBoostingClassifier(n_estimators=2).fit(X, Y)
    model.estimators_ = np.hstack((model.estimators_, model.estimators_))
    with pytest.raises(ModelUnreadable, match="GradientBoostingClassifier"):
        check(model, "model.skops")


def test_a_stack_calls_no_method_that_is_no_prediction():
    stack = StackingClassifier([("a", DecisionTreeClassifier())], LogisticRegression(max_iter=500)).fit(X, Y)
    check(stack, "model.skops")
    stack.stack_method_ = ["__getattribute__"]
    with pytest.raises(ModelUnreadable, match="StackingClassifier"):
        check(stack, "model.skops")


@pytest.mark.parametrize("hide", [deque, tuple, lambda trees: np.array([(trees,)], dtype=[("a", object)])])
def test_forged_trees_are_found_in_any_container(hide: Any):
    forest = forge_tree("feature", 99)
    forest.estimators_ = hide(forest.estimators_)
    with pytest.raises(ModelUnreadable, match="Tree"):
        check(forest, "model.skops")


def test_forged_trees_are_refused_in_pickles_as_well(tmp_path: Path):
    path = tmp_path / "model.pkl"
    path.write_bytes(pickle.dumps(forge_tree("feature", 99)))
    with pytest.raises(ModelUnreadable, match="Tree"):
        load_model(path, IRIS, allow_pickle=True)


def test_an_archive_that_states_more_than_memory_holds_is_not_unpacked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    path = tmp_path / "model.skops"
    path.write_bytes(io.dumps(LogisticRegression(max_iter=500).fit(X, Y)))
    monkeypatch.setattr(unpacking, "MAX_UNPACKED", 1000)
    with pytest.raises(ModelUnreadable, match="bomb"):
        load_model(path, IRIS)


def test_forged_neighbour_indices_are_refused():
    neighbours = KNeighborsClassifier(algorithm="kd_tree").fit(X, Y)
    check(neighbours, "model.skops")
    np.asarray(neighbours._tree.get_arrays()[1])[0] = 10**6
    with pytest.raises(ModelUnreadable, match="KDTree"):
        check(neighbours, "model.skops")


class Mine(LogisticRegression):
    """Not a library's class."""


def test_classes_of_ones_own_are_still_refused(tmp_path: Path):
    path = tmp_path / "model.skops"
    path.write_bytes(io.dumps(Mine(max_iter=500).fit(X, Y)))
    with pytest.raises(PickleRefused, match="Mine"):
        load_model(path, IRIS)
