"""LightGBM against its own predictions, at every threshold and one ulp to either side, and around zero."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from casemate.core.errors import ModelError, ModelUnreadable, ModelUnsupported
from casemate.systems.trees import flatten, verify
from casemate.systems.trees.lightgbm import from_lightgbm

lightgbm = pytest.importorskip("lightgbm")
SMALL = {"n_estimators": 6, "num_leaves": 8, "min_child_samples": 3, "n_jobs": 1, "verbose": -1, "random_state": 0}
ZERO = float(np.float32(1e-35))


def data(seed: int = 0, n: int = 120, classes: int = 2, missing: bool = True) -> tuple[np.ndarray, np.ndarray]:
    """Four columns: one with holes, one real with many zeros, one of small integers, one constant."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 4))
    X[:, 2], X[:, 3] = rng.integers(-2, 3, n), 7.0
    X[rng.random(n) < 0.3, 1] = 0.0
    y = np.digitize(X[:, 0] + 0.5 * X[:, 1] + 0.3 * rng.normal(size=n), np.linspace(-1, 1, classes + 1)[1:-1])
    if missing:
        X[rng.random(n) < 0.2, 0] = np.nan
    y[:classes] = np.arange(classes)
    return X, y


def around_zero(d: int) -> np.ndarray:
    """Rows that hold every number at which LightGBM's reading of zero begins or ends."""
    edges = [s * v for s in (-1, 1) for v in (ZERO, np.nextafter(ZERO, 1), np.nextafter(ZERO, 0), 1e-36, 5e-324, 0.0)]
    values = np.array([*edges, np.nan, np.inf, -np.inf])
    return np.stack(np.meshgrid(*[values] * 2, [0.0], [7.0]), axis=-1).reshape(-1, 4)[:, :d]


@pytest.mark.parametrize("classes", [2, 4])
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"boosting_type": "dart", "drop_rate": 0.5},
        {"boosting_type": "rf", "subsample": 0.6, "subsample_freq": 1},
        {"data_sample_strategy": "goss", "learning_rate": 0.8},
        {"extra_trees": True, "max_bin": 7},
        {"use_missing": False},
        {"boost_from_average": False, "reg_lambda": 2.0},
    ],
    ids=str,
)
def test_equals_the_library_at_every_threshold(options: dict[str, Any], classes: int) -> None:
    X, y = data(classes=classes)
    model = lightgbm.LGBMClassifier(**(SMALL | options)).fit(X, y)
    trees = flatten(model)
    result = verify(trees, model.predict_proba, np.vstack((X[:3], np.zeros(4))), missing=True)
    assert result.largest_difference <= 1e-15 * classes
    assert result.rows > 3 * (trees.feature >= 0).sum() > 0
    for rows in (data(seed=1, n=300, classes=classes)[0], around_zero(4)):
        raw = model.predict(rows, raw_score=True).reshape(len(rows), -1)  # a sum even where the scores take the mean
        np.testing.assert_array_equal(trees.margins(rows), raw / trees.divisor)
        np.testing.assert_array_equal(trees.labels(rows), model.predict(rows))


def test_numbers_next_to_zero_are_read_as_zero() -> None:
    rng = np.random.default_rng(0)
    X = rng.choice([-1.0, 0.0, 1.0], (300, 2))
    y = (X[:, 0] == 0) ^ (rng.random(300) < 0.1)
    model = lightgbm.LGBMClassifier(**SMALL).fit(X, y)
    trees = flatten(model)
    thresholds = trees.thresholds(0)
    assert np.nextafter(-ZERO, -1) in thresholds
    assert ZERO in thresholds
    rows = around_zero(2)
    np.testing.assert_array_equal(trees.scores(rows), model.predict_proba(rows))
    verify(trees, model.predict_proba, rows[:4], missing=True)


@settings(max_examples=20, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    leaves=st.integers(2, 9),
    classes=st.integers(2, 3),
    scale=st.sampled_from([1e-36, 1e-30, 1.0, 1e200]),
    missing=st.booleans(),
)
def test_random_boosters(seed: int, leaves: int, classes: int, scale: float, missing: bool) -> None:
    X, y = data(seed, n=60, classes=classes, missing=missing)
    model = lightgbm.LGBMClassifier(**(SMALL | {"num_leaves": leaves, "n_estimators": 3})).fit(X * scale, y)
    verify(flatten(model), model.predict_proba, X[:2] * scale, missing=True)


def test_a_booster_of_the_native_interface_with_its_own_sigmoid() -> None:
    X, y = data()
    parameters = {"objective": "binary", "sigmoid": 1.7, "verbose": -1, "num_threads": 1}
    booster = lightgbm.train(parameters, lightgbm.Dataset(X, y), 4)
    trees = from_lightgbm(booster)
    verify(trees, booster.predict, X[:3], missing=True)
    np.testing.assert_allclose(trees.margins(X)[:, 0], 1.7 * booster.predict(X, raw_score=True), rtol=0, atol=1e-14)


def test_a_model_read_back_from_text() -> None:
    X, y = data(classes=3)
    text = lightgbm.LGBMClassifier(**SMALL).fit(X, y).booster_.model_to_string()
    booster = lightgbm.Booster(model_str=text)
    verify(flatten(booster), booster.predict, X[:3], missing=True)


def test_early_stopping_ends_at_the_best_round() -> None:
    X, y = data(n=240)
    stop = lightgbm.early_stopping(3, verbose=False)
    watched = lightgbm.Dataset(X[120:], y[120:])
    parameters = {"objective": "binary", "learning_rate": 0.5, "verbose": -1, "num_threads": 1}
    options = {"keep_training_booster": True, "callbacks": [stop]}
    booster = lightgbm.train(parameters, lightgbm.Dataset(X[:120], y[:120]), 80, [watched], **options)
    trees = flatten(booster)
    assert trees.n_trees == booster.best_iteration < booster.num_trees()
    verify(trees, booster.predict, X[:3], missing=True)


def test_a_split_that_tells_nan_from_every_number() -> None:
    rng = np.random.default_rng(0)
    y = rng.integers(0, 2, 200)
    X = np.where(y == 1, np.nan, 0.0)[:, None]
    model = lightgbm.LGBMClassifier(**SMALL).fit(X, y)
    trees = flatten(model)
    assert np.isposinf(trees.thresholds(0)).any()
    rows = np.array([[np.nan], [np.inf], [-np.inf], [1e300], [1.7e308], [0.0]])
    np.testing.assert_array_equal(trees.scores(rows), model.predict_proba(rows))
    verify(trees, model.predict_proba, rows[:2], missing=True)


def test_an_unknown_format_version_is_refused() -> None:
    class Future:
        """A booster of a release to come."""

        def model_to_string(self) -> str:
            """A header and nothing else."""
            return "tree\nversion=v9\n\nend of trees"

    with pytest.raises(ModelUnreadable, match="version v9"):
        from_lightgbm(Future())


def test_constant_data_give_single_leaves() -> None:
    X, y = np.ones((30, 2)), np.arange(30) % 3 % 2
    model = lightgbm.LGBMClassifier(**SMALL).fit(X, y)
    trees = flatten(model)
    assert trees.n_nodes == trees.n_trees > 0
    verify(trees, model.predict_proba, missing=True)


def test_float32_inputs_are_compared_in_float64() -> None:
    X, y = data()
    model = lightgbm.LGBMClassifier(**SMALL).fit(X, y)
    narrow = X.astype(np.float32)
    np.testing.assert_array_equal(flatten(model).scores(narrow), model.predict_proba(narrow))


def zero_as_missing(column: np.ndarray, y: np.ndarray) -> Any:
    """One stump of a model that takes zeros as missing."""
    options = SMALL | {"n_estimators": 1, "num_leaves": 2, "zero_as_missing": True}
    return lightgbm.LGBMClassifier(**options).fit(column[:, None], y)


@pytest.mark.parametrize("sign", [-1, 1])
def test_zero_as_missing_is_read_where_one_threshold_can_say_it(sign: int) -> None:
    rng = np.random.default_rng(0)
    x = sign * rng.choice([0.0, 1.0, 2.0, 3.0], 400)
    model = zero_as_missing(x, np.abs(x) > 1)
    assert model.booster_.dump_model()["tree_info"][0]["tree_structure"]["missing_type"] == "Zero"
    trees = flatten(model)
    rows = np.array([[v] for v in (-9, -2, -1, -ZERO, -1e-36, 0, 1e-36, ZERO, 1, 2, 9, np.nan, np.inf, -np.inf)])
    np.testing.assert_array_equal(trees.scores(rows), model.predict_proba(rows))
    verify(trees, model.predict_proba, rows, missing=True)


@pytest.mark.parametrize("sign", [-1, 1])
def test_zero_as_missing_is_refused_where_zero_leaves_its_neighbours(sign: int) -> None:
    rng = np.random.default_rng(0)
    x = sign * rng.choice([0.0, 1.0, 2.0, 3.0], 400)
    model = zero_as_missing(x, (x == 0) | (np.abs(x) > 2))
    with pytest.raises(ModelUnsupported, match="zero_as_missing") as raised:
        flatten(model)
    assert "NaN" in str(raised.value.fix)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"objective": "regression"}, "objective is regression"),
        ({"objective": "multiclassova", "num_class": 2}, "objective is multiclassova"),
        ({"objective": "binary", "linear_tree": True}, "linear models"),
    ],
)
def test_what_the_flat_form_cannot_hold_is_refused(parameters: dict[str, Any], message: str) -> None:
    X, y = data()
    booster = lightgbm.train(parameters | {"verbose": -1, "num_threads": 1}, lightgbm.Dataset(X, y), 2)
    with pytest.raises(ModelUnsupported, match=message):
        flatten(booster)


def test_a_custom_objective_is_refused() -> None:
    X, y = data()
    squared = lambda scores, train: (scores - train.get_label(), np.ones_like(scores))  # noqa: E731
    booster = lightgbm.train({"objective": squared, "verbose": -1, "num_threads": 1}, lightgbm.Dataset(X, y), 2)
    with pytest.raises(ModelUnsupported, match="objective is custom"):
        flatten(booster)


def test_categorical_splits_are_refused() -> None:
    X, _ = data()
    X[:, 2] += 2
    options = SMALL | {"min_data_per_group": 1, "cat_smooth": 0}
    model = lightgbm.LGBMClassifier(**options).fit(X, X[:, 2] == 2, categorical_feature=[2])
    with pytest.raises(ModelUnsupported, match="splits by category"):
        flatten(model)


def test_unfitted_models_are_refused() -> None:
    with pytest.raises(ModelError, match="holds no booster"):
        flatten(lightgbm.LGBMClassifier())
