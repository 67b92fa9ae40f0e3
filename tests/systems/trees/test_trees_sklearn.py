"""scikit-learn's tree classifiers against their own predict_proba, at every threshold and one ulp to either side."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import (
    ExtraTreesClassifier,
    GradientBoostingClassifier,
    HistGradientBoostingClassifier,
    IsolationForest,
    RandomForestClassifier,
)
from sklearn.linear_model import LogisticRegression
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor, ExtraTreeClassifier

from casemate.core.errors import ModelError, ModelUnsupported
from casemate.systems.trees import flatten, verify
from casemate.systems.trees.sklearn import from_sklearn


def data(seed: int = 0, n: int = 120, classes: int = 2, missing: bool = False) -> tuple[np.ndarray, np.ndarray]:
    """Four columns: two real, one of repeated small integers, one constant; labels that depend on the first two."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 4))
    X[:, 2] = rng.integers(0, 4, n)
    X[:, 3] = 7.0
    y = np.digitize(X[:, 0] + 0.5 * X[:, 1] + 0.3 * rng.normal(size=n), np.linspace(-1, 1, classes + 1)[1:-1])
    if missing:
        X[rng.random(n) < 0.2, 0] = np.nan
    y[:classes] = np.arange(classes)
    return X, y


AVERAGED = [
    DecisionTreeClassifier(random_state=0),
    DecisionTreeClassifier(max_leaf_nodes=7, splitter="random", random_state=0),
    DecisionTreeClassifier(max_depth=3, class_weight="balanced", ccp_alpha=0.01, random_state=0),
    ExtraTreeClassifier(random_state=0),
    RandomForestClassifier(n_estimators=9, min_samples_leaf=3, random_state=0),
    RandomForestClassifier(n_estimators=6, max_leaf_nodes=8, bootstrap=False, max_features=1, random_state=0),
    ExtraTreesClassifier(n_estimators=7, max_depth=6, random_state=0),
]
BOOSTED = [
    GradientBoostingClassifier(n_estimators=8, random_state=0),
    GradientBoostingClassifier(n_estimators=8, init="zero", subsample=0.7, learning_rate=0.37, random_state=0),
    GradientBoostingClassifier(n_estimators=30, n_iter_no_change=2, random_state=0),
    GradientBoostingClassifier(n_estimators=4, init=DummyClassifier(strategy="prior"), random_state=0),
]
HISTOGRAM = [
    HistGradientBoostingClassifier(max_iter=8, min_samples_leaf=4, random_state=0),
    HistGradientBoostingClassifier(max_iter=8, max_leaf_nodes=5, learning_rate=0.9, max_bins=12, random_state=0),
    HistGradientBoostingClassifier(max_iter=40, early_stopping=True, n_iter_no_change=2, random_state=0),
]


@pytest.mark.parametrize("classes", [2, 4])
@pytest.mark.parametrize("model", AVERAGED + BOOSTED + HISTOGRAM, ids=lambda model: type(model).__name__)
def test_equals_the_library_at_every_threshold(model: Any, classes: int) -> None:
    X, y = data(classes=classes)
    model.fit(X, y)
    trees = flatten(model)
    result = verify(trees, model.predict_proba, X[:3])
    assert result.largest_difference <= 1e-15 * classes
    assert result.rows > 3 * (trees.feature >= 0).sum()
    fresh = data(seed=1, n=300, classes=classes)[0]
    np.testing.assert_allclose(trees.scores(fresh), model.predict_proba(fresh), rtol=0, atol=1e-14)
    np.testing.assert_array_equal(model.classes_[trees.labels(fresh)], model.predict(fresh))


@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize(
    "model",
    [
        DecisionTreeClassifier(random_state=0),
        RandomForestClassifier(n_estimators=6, random_state=0),
        ExtraTreesClassifier(n_estimators=6, random_state=0),
        HistGradientBoostingClassifier(max_iter=6, min_samples_leaf=4),
    ],
    ids=lambda model: type(model).__name__,
)
def test_missing_values_go_where_the_library_sends_them(model: Any, classes: int) -> None:
    X, y = data(classes=classes, missing=True)
    model.fit(X, y)
    columns = np.array([0])  # only the first column may be missing in trees that saw it missing
    trees = flatten(model)
    assert trees.missing_left.any()
    verify(trees, model.predict_proba, X[:10])
    holes = X.copy()
    holes[:, columns] = np.nan
    np.testing.assert_allclose(trees.scores(holes), model.predict_proba(holes), atol=1e-14)
    np.testing.assert_array_equal(trees.labels(holes), model.predict_proba(holes).argmax(axis=1))


def test_histogram_boosting_takes_missing_values_anywhere_and_infinities() -> None:
    X, y = data(classes=3, missing=True)
    X[::9, 1], X[::11, 1] = np.inf, -np.inf
    model = HistGradientBoostingClassifier(max_iter=6, min_samples_leaf=3).fit(X, y)
    trees = flatten(model)
    verify(trees, model.predict_proba, X[:20], missing=True)
    np.testing.assert_allclose(trees.scores(X), model.predict_proba(X), rtol=0, atol=1e-14)


def test_histogram_boosting_splits_on_missingness_alone() -> None:
    rng = np.random.default_rng(0)
    X = rng.normal(size=(200, 1))
    y = rng.integers(0, 2, 200)
    X[y == 1] = np.nan
    model = HistGradientBoostingClassifier(max_iter=3).fit(X, y)
    trees = flatten(model)
    assert np.isposinf(trees.thresholds(0)).any()
    verify(trees, model.predict_proba, X[:20], missing=True)
    assert trees.labels([[1e308], [np.inf], [-np.inf], [np.nan]]).tolist() == [0, 0, 0, 1]


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    kind=st.sampled_from([DecisionTreeClassifier, RandomForestClassifier, ExtraTreesClassifier]),
    depth=st.integers(1, 6),
    scale=st.sampled_from([1e-40, 1e-3, 1.0, 1e30]),
    classes=st.integers(2, 4),
)
def test_random_forests_of_any_scale(seed: int, kind: Any, depth: int, scale: float, classes: int) -> None:
    X, y = data(seed, n=40, classes=classes)
    count = {} if kind is DecisionTreeClassifier else {"n_estimators": 3}
    model = kind(max_depth=depth, random_state=seed, **count).fit(X * scale, y)
    verify(flatten(model), model.predict_proba, X[:2] * scale)


@settings(max_examples=12, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    kind=st.sampled_from([GradientBoostingClassifier, HistGradientBoostingClassifier]),
    rate=st.floats(0.01, 2.0),
    classes=st.integers(2, 3),
)
def test_random_boosters(seed: int, kind: Any, rate: float, classes: int) -> None:
    X, y = data(seed, n=60, classes=classes)
    rounds = {"n_estimators": 3} if kind is GradientBoostingClassifier else {"max_iter": 3, "min_samples_leaf": 3}
    model = kind(learning_rate=rate, random_state=seed, **rounds).fit(X, y)
    verify(flatten(model), model.predict_proba, X[:2])


def test_margins_are_the_decision_function() -> None:
    X, y = data()
    for model in (BOOSTED[0], BOOSTED[1], HISTOGRAM[0]):
        model.fit(X, y)
        np.testing.assert_array_equal(flatten(model).margins(X)[:, 0], model.decision_function(X))
    X, y = data(classes=3)
    for model in (BOOSTED[0], HISTOGRAM[0]):
        model.fit(X, y)
        np.testing.assert_array_equal(flatten(model).margins(X), model.decision_function(X))


@pytest.mark.parametrize("init", [None, "zero"])
def test_the_exponential_loss_has_doubled_margins(init: Any) -> None:
    X, y = data()
    model = GradientBoostingClassifier(loss="exponential", n_estimators=5, init=init, random_state=0).fit(X, y)
    trees = flatten(model)
    verify(trees, model.predict_proba, X[:3])
    np.testing.assert_allclose(trees.margins(X)[:, 0], 2 * model.decision_function(X), rtol=0, atol=1e-14)


def test_leaves_are_the_ones_that_apply_names() -> None:
    X, y = data()
    model = RandomForestClassifier(n_estimators=5, random_state=0).fit(X, y)
    trees = flatten(model)
    np.testing.assert_array_equal(trees.leaves(X) - trees.roots, model.apply(X))


@pytest.mark.parametrize(
    "model",
    [
        DecisionTreeClassifier(),
        RandomForestClassifier(n_estimators=3),
        GradientBoostingClassifier(n_estimators=3),
        HistGradientBoostingClassifier(max_iter=3),
    ],
    ids=lambda model: type(model).__name__,
)
def test_constant_data_give_single_leaves(model: Any) -> None:
    X, y = np.ones((30, 2)), np.arange(30) % 2
    model.fit(X, y)
    trees = flatten(model)
    assert trees.n_nodes == trees.n_trees
    verify(trees, model.predict_proba, np.zeros((2, 2)))


def test_one_class_and_string_labels() -> None:
    X, y = data()
    alone = DecisionTreeClassifier().fit(X, np.zeros(len(X)))
    assert flatten(alone).scores(X).tolist() == alone.predict_proba(X).tolist() == [[1.0]] * len(X)
    named = RandomForestClassifier(n_estimators=3, random_state=0).fit(X, np.where(y, "yes", "no"))
    np.testing.assert_array_equal(named.classes_[flatten(named).labels(X)], named.predict(X))


def test_votes_tied_up_to_rounding_fall_to_the_same_side() -> None:
    rng = np.random.default_rng(0)
    X, y = rng.integers(0, 3, (60, 4)).astype(float), rng.integers(0, 3, 60)
    model = RandomForestClassifier(n_estimators=10, min_samples_leaf=2, random_state=0).fit(X, y)
    grid = np.stack(np.meshgrid(*[np.arange(3.0)] * 4), axis=-1).reshape(-1, 4)
    np.testing.assert_array_equal(flatten(model).scores(grid), model.predict_proba(grid))


def test_a_subclass_is_read_like_its_parent() -> None:
    class Mine(RandomForestClassifier):
        """A user's own forest."""

    X, y = data()
    model = Mine(n_estimators=2, random_state=0).fit(X, y)
    verify(flatten(model), model.predict_proba, X[:2])


@pytest.mark.parametrize("kind", [DecisionTreeClassifier, RandomForestClassifier, HistGradientBoostingClassifier])
def test_unfitted_models_are_refused(kind: Any) -> None:
    with pytest.raises(ModelError, match="is not fitted") as raised:
        flatten(kind())
    assert "fit" in str(raised.value.fix)


@pytest.mark.parametrize("kind", [LogisticRegression, DecisionTreeRegressor, IsolationForest])
def test_other_estimators_are_refused_and_the_supported_ones_named(kind: Any) -> None:
    with pytest.raises(ModelUnsupported, match="not a supported tree ensemble") as raised:
        from_sklearn(kind())
    assert "RandomForestClassifier" in str(raised.value)


def test_several_outputs_are_refused() -> None:
    X, y = data()
    with pytest.raises(ModelUnsupported, match="2 outputs"):
        flatten(DecisionTreeClassifier().fit(X, np.stack((y, 1 - y), axis=1)))


@pytest.mark.parametrize("init", [LogisticRegression(), DummyClassifier(strategy="stratified")])
def test_a_start_that_depends_on_the_row_is_refused(init: Any) -> None:
    X, y = data()
    with pytest.raises(ModelUnsupported, match="its init is"):
        flatten(GradientBoostingClassifier(n_estimators=2, init=init).fit(X, y))


def test_categorical_splits_are_refused() -> None:
    X, y = data()
    model = HistGradientBoostingClassifier(max_iter=2, categorical_features=[2]).fit(X, y)
    with pytest.raises(ModelUnsupported, match=r"columns \[2\] are split by category") as raised:
        flatten(model)
    assert "one-hot" in str(raised.value.fix)
