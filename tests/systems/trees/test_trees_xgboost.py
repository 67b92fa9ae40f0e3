"""XGBoost against its own predictions, at every threshold and one float32 ulp to either side."""

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from casemate.core.errors import ModelError, ModelUnreadable, ModelUnsupported
from casemate.systems.trees import flatten, verify
from casemate.systems.trees.xgboost import from_xgboost

xgboost = pytest.importorskip("xgboost")
SMALL = {"n_estimators": 6, "max_depth": 4, "n_jobs": 1, "random_state": 0}


def data(seed: int = 0, n: int = 120, classes: int = 2) -> tuple[np.ndarray, np.ndarray]:
    """Four columns: one with holes, one real, one of small integers, one constant."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 4))
    X[:, 2], X[:, 3] = rng.integers(0, 4, n), 7.0
    y = np.digitize(X[:, 0] + 0.5 * X[:, 1] + 0.3 * rng.normal(size=n), np.linspace(-1, 1, classes + 1)[1:-1])
    X[rng.random(n) < 0.2, 0] = np.nan
    y[:classes] = np.arange(classes)
    return X, y


def raw(model: Any, X: np.ndarray) -> np.ndarray:
    """The library's own margins."""
    margins = model.predict(X, output_margin=True)
    return margins.reshape(len(X), -1)


@pytest.mark.parametrize("classes", [2, 4])
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"base_score": 0.3},
        {"num_parallel_tree": 3, "subsample": 0.6},
        {"tree_method": "exact", "gamma": 1.0},
        {"grow_policy": "lossguide", "max_leaves": 6, "max_bin": 8},
        {"booster": "dart", "rate_drop": 0.5},
        {"booster": "dart", "rate_drop": 0.5, "normalize_type": "forest", "learning_rate": 0.7},
    ],
    ids=str,
)
def test_equals_the_library_at_every_threshold(options: dict[str, Any], classes: int) -> None:
    X, y = data(classes=classes)
    model = xgboost.XGBClassifier(**(SMALL | options)).fit(X, y)
    trees = flatten(model)
    result = verify(trees, model.predict_proba, X[:3], missing=True)
    assert result.rows > 3 * (trees.feature >= 0).sum() > 0
    fresh = data(seed=1, n=300, classes=classes)[0]
    np.testing.assert_allclose(trees.scores(fresh), model.predict_proba(fresh), rtol=0, atol=1e-6)
    np.testing.assert_allclose(trees.margins(fresh), raw(model, fresh), rtol=0, atol=4e-6)
    np.testing.assert_array_equal(trees.labels(fresh), model.predict(fresh))


@pytest.mark.parametrize("classes", [2, 3])
def test_margins_are_bit_equal_for_boosted_trees(classes: int) -> None:
    X, y = data(classes=classes)
    model = xgboost.XGBClassifier(**(SMALL | {"n_estimators": 40})).fit(X, y)
    np.testing.assert_array_equal(flatten(model).margins(X), raw(model, X))


@pytest.mark.parametrize("objective", ["multi:softprob", "multi:softmax"])
def test_multiclass_objectives(objective: str) -> None:
    X, y = data(classes=3)
    model = xgboost.XGBClassifier(objective=objective, **SMALL).fit(X, y)
    trees = flatten(model)
    assert trees.link == "softmax"
    verify(trees, model.predict_proba, X[:3], missing=True)


def test_a_booster_of_the_native_interface() -> None:
    X, y = data()
    parameters = {"objective": "binary:logistic", "max_depth": 3, "nthread": 1}
    booster = xgboost.train(parameters, xgboost.DMatrix(X, y), 5)
    trees = from_xgboost(booster)
    verify(trees, lambda rows: booster.predict(xgboost.DMatrix(rows)), X[:5], missing=True)


def test_a_random_forest_of_xgboost() -> None:
    X, y = data(classes=3)
    model = xgboost.XGBRFClassifier(n_estimators=5, n_jobs=1).fit(X, y)
    verify(flatten(model), model.predict_proba, X[:3], missing=True)


def test_early_stopping_ends_a_classifier_but_not_its_booster() -> None:
    X, y = data(n=200)
    model = xgboost.XGBClassifier(**(SMALL | {"n_estimators": 60, "early_stopping_rounds": 3}))
    model.fit(X[:120], y[:120], eval_set=[(X[120:], y[120:])], verbose=False)
    booster = model.get_booster()
    trees, all_trees = flatten(model), flatten(booster)
    assert trees.n_trees == model.best_iteration + 1 < all_trees.n_trees
    verify(trees, model.predict_proba, X[:2], missing=True)
    verify(all_trees, lambda rows: booster.predict(xgboost.DMatrix(rows)), X[:2], missing=True)


def test_infinite_inputs() -> None:
    X, y = data()
    model = xgboost.XGBClassifier(**SMALL).fit(X, y)
    X[:, 0], X[::2, 1] = np.inf, -np.inf
    np.testing.assert_allclose(flatten(model).scores(X), model.predict_proba(X), rtol=0, atol=1e-6)


@settings(max_examples=20, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    depth=st.integers(1, 5),
    rounds=st.integers(1, 5),
    classes=st.integers(2, 3),
    scale=st.sampled_from([1e-30, 1.0, 1e30]),
    base_score=st.none() | st.floats(0.01, 0.99),
)
def test_random_boosters(
    seed: int, depth: int, rounds: int, classes: int, scale: float, base_score: float | None
) -> None:
    X, y = data(seed, n=50, classes=classes)
    options = {"n_estimators": rounds, "max_depth": depth, "base_score": base_score, "min_child_weight": 0}
    model = xgboost.XGBClassifier(**(SMALL | options)).fit(X * scale, y)
    verify(flatten(model), model.predict_proba, X[:2] * scale, missing=True)


def test_constant_data_give_single_leaves() -> None:
    X, y = np.ones((30, 2)), np.arange(30) % 3 % 2
    model = xgboost.XGBClassifier(**SMALL).fit(X, y)
    trees = flatten(model)
    assert trees.n_nodes == trees.n_trees == 6
    verify(trees, model.predict_proba, missing=True)


def test_nodes_that_pruning_cut_off_are_dropped() -> None:
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(200, 3)), rng.integers(0, 2, 200)
    model = xgboost.XGBClassifier(**(SMALL | {"gamma": 2.5, "tree_method": "exact", "max_depth": 6})).fit(X, y)
    entries = _dump(model)["learner"]["gradient_booster"]["model"]["trees"]
    stored = sum(len(entry["left_children"]) for entry in entries)
    deleted = sum(int(entry["tree_param"]["num_deleted"]) for entry in entries)
    trees = flatten(model)
    assert trees.n_nodes <= stored - deleted or deleted == 0
    verify(trees, model.predict_proba, X[:3], missing=True)


def _dump(model: Any) -> Any:
    return json.loads(model.get_booster().save_raw(raw_format="json"))


class Stored:
    """A booster that stores a given JSON model: what a tampered or future file would hold."""

    def __init__(self, model: Any) -> None:
        self.model = model

    def save_raw(self, raw_format: str) -> bytes:
        """The model file."""
        assert raw_format == "json"
        return json.dumps(self.model).encode()


def test_nodes_are_read_in_any_order_and_dead_ones_skipped() -> None:
    X, y = data()
    model = xgboost.XGBClassifier(**(SMALL | {"n_estimators": 1, "max_depth": 1, "base_score": 0.5})).fit(X, y)
    dump = _dump(model)
    tree = dump["learner"]["gradient_booster"]["model"]["trees"][0]
    assert tree["left_children"] == [1, -1, -1]
    order = [0, 3, 2, 1]  # the old node at each new place; 3 is a dead one
    for name in ("split_conditions", "split_indices", "default_left", "split_type"):
        tree[name] = [(tree[name] + [0])[old] for old in order]
    tree["left_children"], tree["right_children"] = [3, -1, -1, -1], [2, -1, -1, -1]
    trees = from_xgboost(Stored(dump))
    assert trees.n_nodes == 3
    verify(trees, model.predict_proba, X[:3], missing=True)


def test_a_looping_tree_is_refused() -> None:
    X, y = data()
    dump = _dump(xgboost.XGBClassifier(**SMALL).fit(X, y))
    tree = dump["learner"]["gradient_booster"]["model"]["trees"][0]
    tree["left_children"][1] = 0
    with pytest.raises(ModelUnreadable, match="loops"):
        from_xgboost(Stored(dump))


def test_a_scalar_base_score_of_older_files_is_read() -> None:
    X, y = data()
    model = xgboost.XGBClassifier(**(SMALL | {"base_score": 0.25})).fit(X, y)
    dump = _dump(model)
    dump["learner"]["learner_model_param"]["base_score"] = "2.5E-1"
    verify(from_xgboost(Stored(dump)), model.predict_proba, X[:2], missing=True)


def test_unfitted_models_are_refused() -> None:
    with pytest.raises(ModelError, match="is not fitted"):
        flatten(xgboost.XGBClassifier())


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"objective": "binary:hinge"}, "objective is binary:hinge"),
        ({"objective": "reg:squarederror"}, "objective is reg:squarederror"),
        ({"objective": "binary:logistic", "booster": "gblinear"}, "booster is gblinear"),
        ({"objective": "multi:softprob", "num_class": 2, "multi_strategy": "multi_output_tree"}, "leaves are vectors"),
    ],
)
def test_what_the_flat_form_cannot_hold_is_refused(parameters: dict[str, Any], message: str) -> None:
    X, y = data()
    booster = xgboost.train(parameters | {"nthread": 1}, xgboost.DMatrix(X, y), 2)
    with pytest.raises(ModelUnsupported, match=message):
        flatten(booster)


def test_another_missing_value_is_refused() -> None:
    X, y = data()
    model = xgboost.XGBClassifier(missing=0.0, **SMALL).fit(np.nan_to_num(X), y)
    with pytest.raises(ModelUnsupported, match=r"missing=0\.0"):
        flatten(model)


def test_categorical_splits_are_refused() -> None:
    X, _ = data()
    matrix = xgboost.DMatrix(X[:, 1:3], X[:, 2] == 2, feature_types=["q", "c"], enable_categorical=True)
    booster = xgboost.train({"objective": "binary:logistic", "nthread": 1, "max_cat_to_onehot": 1}, matrix, 2)
    with pytest.raises(ModelUnsupported, match="splits by category"):
        flatten(booster)
