"""XGBoost and LightGBM: their own predictions, whatever the objective and wherever they stopped."""

from __future__ import annotations

import json
import pickle
from pathlib import Path
from typing import Any

import lightgbm
import numpy as np
import pytest
import xgboost

from casemate.core.errors import ModelError, ModelUnreadable, ModelUnsupported, ShapeMismatch
from casemate.core.schema import Column, Schema
from casemate.systems.models import adapt, load_model

FEW = {"n_estimators": 6, "n_jobs": 2}


def xgb(X: np.ndarray, y: np.ndarray, objective: str, **more: Any) -> Any:
    params = {"objective": objective, "nthread": 1, **more}
    return xgboost.train(params, xgboost.DMatrix(X, y, nthread=1), 5)


def lgb(X: np.ndarray, y: np.ndarray, objective: str, **more: Any) -> Any:
    params = {"objective": objective, "num_threads": 1, "verbose": -1, "min_data_in_leaf": 3, **more}
    return lightgbm.train(params, lightgbm.Dataset(X, y), 5)


@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize("library", ["xgboost", "lightgbm"])
def test_classifiers_answer_as_their_library_does(
    library: str, classes: int, table: Schema, three: Schema, X: np.ndarray, y: np.ndarray, y3: np.ndarray
) -> None:
    kind: Any = xgboost.XGBClassifier if library == "xgboost" else lightgbm.LGBMClassifier
    more = {} if library == "xgboost" else {"verbose": -1, "min_child_samples": 3}
    fitted = kind(**FEW, **more).fit(X, y if classes == 2 else y3)
    schema = table if classes == 2 else three
    model = adapt(fitted, schema)
    want = fitted.predict_proba(X) if library == "xgboost" else fitted.booster_.predict(X, num_threads=1)
    want = np.stack((1 - want, want), 1) if want.ndim == 1 else want
    np.testing.assert_allclose(model.scores(X), want, atol=1e-7)
    assert (model.features, model.classes, model.gives_scores) == (4, classes, True)
    assert model.network() is None
    assert type(fitted).__name__ in model.kind
    again = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(again.scores(X), model.scores(X))
    trees = again.trees()
    assert trees is not None
    np.testing.assert_allclose(trees.scores(X), model.scores(X), atol=1e-6)
    np.testing.assert_array_equal(trees.labels(X), model.scores(X).argmax(1))
    assert model.scores(X[:0]).shape == (0, classes)


@pytest.mark.parametrize("objective", ["binary:logistic", "binary:logitraw", "binary:hinge"])
def test_xgboosts_objectives_for_two_classes(objective: str, table: Schema, X: np.ndarray, y: np.ndarray) -> None:
    booster = xgb(X, y, objective)
    model = adapt(booster, table)
    raw = booster.predict(xgboost.DMatrix(X, nthread=1)).astype(float)
    want = 1 / (1 + np.exp(-raw)) if objective == "binary:logitraw" else raw
    np.testing.assert_allclose(model.scores(X)[:, 1], want, atol=1e-6)
    assert model.gives_scores is (objective != "binary:hinge")
    assert (model.trees() is not None) is (objective == "binary:logistic")


@pytest.mark.parametrize("objective", ["multi:softprob", "multi:softmax"])
def test_xgboosts_objectives_for_more_classes(objective: str, three: Schema, X: np.ndarray, y3: np.ndarray) -> None:
    model = adapt(xgb(X, y3, objective, num_class=3), three)
    want = xgb(X, y3, "multi:softprob", num_class=3).predict(xgboost.DMatrix(X, nthread=1))
    np.testing.assert_allclose(model.scores(X), want, atol=1e-6)


def test_lightgbms_objectives(table: Schema, three: Schema, X: np.ndarray, y: np.ndarray, y3: np.ndarray) -> None:
    binary = lgb(X, y, "binary")
    np.testing.assert_allclose(adapt(binary, table).scores(X)[:, 1], binary.predict(X, num_threads=1))
    several = lgb(X, y3, "multiclass", num_class=3)
    np.testing.assert_allclose(adapt(several, three).scores(X), several.predict(X, num_threads=1))
    apart = lgb(X, y3, "multiclassova", num_class=3)
    raw = apart.predict(X, num_threads=1)
    np.testing.assert_allclose(adapt(apart, three).scores(X), raw / raw.sum(axis=1, keepdims=True))


@pytest.mark.parametrize(
    "make", [lambda X, y: xgb(X, y, "reg:squarederror"), lambda X, y: lgb(X, y, "regression")], ids=["xgb", "lgb"]
)
def test_other_objectives_are_refused(make: Any, table: Schema, X: np.ndarray, y: np.ndarray) -> None:
    with pytest.raises(ModelUnsupported, match="trained for reg"):
        adapt(make(X, y), table)


def test_what_is_no_fitted_classifier(table: Schema, X: np.ndarray, y: np.ndarray) -> None:
    for thing in (xgboost.XGBClassifier(), lightgbm.LGBMClassifier()):
        with pytest.raises(ModelError, match="not fitted"):
            adapt(thing, table)
    for thing in (xgboost.XGBRegressor(n_estimators=2).fit(X, y), lightgbm.LGBMRegressor(verbose=-1).fit(X, y)):
        with pytest.raises(ModelUnsupported, match="no classifier"):
            adapt(thing, table)


def test_another_number_of_classes(three: Schema, X: np.ndarray, y: np.ndarray) -> None:
    for booster in (xgb(X, y, "binary:logistic"), lgb(X, y, "binary")):
        with pytest.raises(ShapeMismatch, match="2 classes"):
            adapt(booster, three)


def test_names_of_classes_in_another_order(table: Schema, X: np.ndarray, y: np.ndarray) -> None:
    schema = Schema(table.columns, ("yes", "no"))
    fitted = lightgbm.LGBMClassifier(n_estimators=5, verbose=-1, n_jobs=1).fit(X, np.array(["yes", "no"])[y])
    model = adapt(fitted, schema)
    assert list(fitted.classes_) == ["no", "yes"]
    assert (model.scores(X).argmax(1) == y).mean() > 0.9
    trees = model.trees()
    assert trees is not None
    np.testing.assert_allclose(trees.scores(X), model.scores(X), atol=1e-9)


def test_early_stopping_predicts_with_the_best_round(table: Schema) -> None:
    rng = np.random.default_rng(3)
    X, y = rng.random((200, 4)), rng.integers(0, 2, 200)
    fitted = xgboost.XGBClassifier(n_estimators=60, early_stopping_rounds=3, n_jobs=1, learning_rate=0.5)
    fitted.fit(X[:100], y[:100], eval_set=[(X[100:], y[100:])], verbose=False)
    assert fitted.best_iteration + 1 < len(fitted.get_booster().get_dump())
    model = adapt(fitted, table)
    np.testing.assert_allclose(model.scores(X), fitted.predict_proba(X), atol=1e-7)
    assert model.trees() is not None
    np.testing.assert_allclose(model.trees().scores(X), fitted.predict_proba(X), atol=1e-6)

    gentle = lightgbm.LGBMClassifier(n_estimators=60, n_jobs=1, verbose=-1, learning_rate=0.5)
    gentle.fit(X[:100], y[:100], eval_X=X[100:], eval_y=y[100:], callbacks=[lightgbm.early_stopping(3, verbose=False)])
    assert gentle.best_iteration_ < 60
    np.testing.assert_allclose(adapt(gentle, table).scores(X), gentle.predict_proba(X), atol=1e-12)


def test_a_number_that_stands_for_missing(table: Schema, X: np.ndarray, y: np.ndarray) -> None:
    holes = X.copy()
    holes[::3, 0] = -1.0
    fitted = xgboost.XGBClassifier(n_estimators=5, missing=-1.0, n_jobs=1).fit(holes, y)
    model = adapt(fitted, table)
    np.testing.assert_allclose(model.scores(holes), fitted.predict_proba(holes), atol=1e-7)
    assert model.trees() is None


def test_categories_are_asked_by_their_codes() -> None:
    import pandas as pd

    rng = np.random.default_rng(0)
    X = np.stack([rng.random(120), rng.integers(0, 4, 120)], 1)
    y = (X[:, 1] % 2).astype(int)
    texts = ("w", "x", "y", "z")
    schema = Schema((Column("a"), Column("b", kind="category", high=3, categories=texts)), ("no", "yes"))
    frame = pd.DataFrame({"a": X[:, 0], "b": pd.Categorical.from_codes(X[:, 1].astype(int), texts)})
    gentle = lightgbm.LGBMClassifier(
        n_estimators=5, n_jobs=1, verbose=-1, min_child_samples=3, min_data_per_group=3, cat_smooth=1.0
    )
    model = adapt(gentle.fit(frame, y), schema)
    np.testing.assert_allclose(model.scores(X), gentle.predict_proba(frame), atol=1e-12)
    assert model.trees() is None


def test_a_forged_column_is_refused_before_xgboost_is_asked(
    table: Schema, X: np.ndarray, y: np.ndarray, tmp_path: Path
) -> None:
    path = tmp_path / "m.json"
    xgboost.XGBClassifier(n_estimators=2, n_jobs=1).fit(X, y).save_model(path)
    held = json.loads(path.read_bytes())
    held["learner"]["gradient_booster"]["model"]["trees"][0]["split_indices"][0] = 10**6
    path.write_text(json.dumps(held))
    with pytest.raises(ModelUnreadable, match=r"column outside|crashes") as caught:
        load_model(path, table)
    assert "save" in str(caught.value.fix)
