"""scikit-learn's linear models, perceptrons and pipelines: scores equal the estimator's own."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest
from sklearn import linear_model as linear
from sklearn.compose import ColumnTransformer
from sklearn.decomposition import PCA
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.exceptions import ConvergenceWarning
from sklearn.feature_selection import SelectKBest, VarianceThreshold
from sklearn.impute import SimpleImputer
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    MaxAbsScaler,
    MinMaxScaler,
    Normalizer,
    RobustScaler,
    StandardScaler,
)
from sklearn.svm import SVC, LinearSVC, LinearSVR

from casemate.controls.homomorphic.circuits import Circuit, Linear, probabilities_of
from casemate.controls.homomorphic.from_sklearn import from_sklearn
from casemate.controls.homomorphic.importing import circuit_of
from casemate.controls.homomorphic.replacing import Settings
from casemate.core.errors import ModelError, ModelUnsupported, OutOfRange

RNG = np.random.default_rng(0)
X = RNG.normal(size=(200, 5)) * [1, 10, 0.1, 5, 1] + [0, 3, 1, -7, 0]
X[:, 4] = 2.5  # a column that never changes
Y3 = np.array(["red", "green", "blue"])[(X[:, 0] * 3 + RNG.normal(size=200) > 1).astype(int) + (X[:, 1] > 5)]
Y2 = np.where(X[:, 0] + RNG.normal(size=200) / 2 > 0, "yes", "no")
NUMBER = X @ [1, 2, 3, 4, 5] + RNG.normal(size=200)
NUMBERS = np.column_stack([NUMBER, X[:, 0] - X[:, 3]])
ROWS = X[RNG.integers(0, 200, 500), :] * RNG.uniform(0.9, 1.0, (500, 5))
ROWS[:, 4] = 2.5


def fitted(estimator: Any, y: np.ndarray) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return estimator.fit(X, y)


def same(circuit: Circuit, wanted: np.ndarray) -> None:
    got = circuit.scores(ROWS)
    np.testing.assert_allclose(got, wanted.reshape(len(ROWS), -1), rtol=1e-9, atol=1e-9 * np.abs(wanted).max())


@pytest.mark.parametrize(
    "regressor",
    [
        linear.LinearRegression(),
        linear.Ridge(),
        linear.Lasso(0.1),
        linear.ElasticNet(0.1),
        linear.SGDRegressor(random_state=0),
        linear.HuberRegressor(max_iter=2000),
        LinearSVR(random_state=0),
    ],
    ids=lambda one: type(one).__name__,
)
def test_regressors_give_their_numbers(regressor: Any) -> None:
    model = fitted(make_pipeline(StandardScaler(), regressor), NUMBER)
    circuit = circuit_of(model, X)
    assert (circuit.answer, circuit.classes, len(circuit.steps)) == ("number", (), 1)
    same(circuit, model.predict(ROWS))
    assert circuit.probabilities(circuit.scores(ROWS)).shape == (500, 1)


def test_several_numbers_at_once() -> None:
    model = fitted(linear.LinearRegression(), NUMBERS)
    same(circuit_of(model, X), model.predict(ROWS))


@pytest.mark.parametrize("y", [Y2, Y3], ids=["two", "three"])
@pytest.mark.parametrize(
    "classifier",
    [
        linear.LogisticRegression(),
        LinearDiscriminantAnalysis(),
        linear.SGDClassifier(loss="log_loss", random_state=0),
        linear.SGDClassifier(random_state=0),
        LinearSVC(random_state=0),
        linear.RidgeClassifier(),
    ],
    ids=lambda one: f"{type(one).__name__}-{getattr(one, 'loss', '')}",
)
def test_classifiers_give_their_scores_and_decisions(classifier: Any, y: np.ndarray) -> None:
    scaler = VarianceThreshold() if isinstance(classifier, LinearDiscriminantAnalysis) else StandardScaler()
    model = fitted(make_pipeline(scaler, classifier), y)
    circuit = circuit_of(model, X)
    same(circuit, model.decision_function(ROWS))
    scores = circuit.scores(ROWS)
    assert (np.array(circuit.classes)[circuit.decide(scores)] == model.predict(ROWS)).all()
    if circuit.answer == "margins":
        labels = circuit.probabilities(scores)
        assert (labels.argmax(axis=1) == circuit.decide(scores)).all()
        assert set(np.unique(labels)) == {0.0, 1.0}
    else:
        np.testing.assert_allclose(circuit.probabilities(scores), model.predict_proba(ROWS), atol=1e-9)
    logistic = isinstance(classifier, linear.LogisticRegression | LinearDiscriminantAnalysis) or (
        getattr(classifier, "loss", "") == "log_loss" and y is Y2
    )
    assert (circuit.answer != "margins") == logistic


@pytest.mark.parametrize(
    "before",
    [
        [MinMaxScaler()],
        [MinMaxScaler((-3, 1)), StandardScaler(with_mean=False)],
        [MaxAbsScaler()],
        [RobustScaler()],
        [RobustScaler(with_centering=False, with_scaling=False)],
        [StandardScaler(), PCA(3, whiten=True)],
        [VarianceThreshold(), SelectKBest(k=2)],
        [SimpleImputer(), FunctionTransformer()],
        [make_pipeline(StandardScaler(), "passthrough")],
        [],
    ],
    ids=str,
)
def test_what_scales_before_is_folded_in(before: list[Any]) -> None:
    model = fitted(make_pipeline(*before, linear.LogisticRegression(max_iter=2000)), Y3)
    circuit = circuit_of(model, X)
    same(circuit, model.decision_function(ROWS))
    assert [type(step) for step in circuit.steps] == [Linear]
    assert np.abs(circuit.preparation(ROWS)).max() <= 1


@pytest.mark.parametrize("activation", ["relu", "tanh", "logistic", "identity"])
@pytest.mark.parametrize("kind", ["two", "three", "number"])
def test_perceptrons_are_read_exactly(activation: str, kind: str) -> None:
    options = {"hidden_layer_sizes": (6, 4), "activation": activation, "max_iter": 30, "random_state": 0}
    if kind == "number":
        model = fitted(make_pipeline(StandardScaler(), MLPRegressor(**options)), NUMBERS)
        wanted = model.predict(ROWS)
    else:
        model = fitted(make_pipeline(StandardScaler(), MLPClassifier(**options)), Y2 if kind == "two" else Y3)
        wanted = model.predict_proba(ROWS)
    draft = from_sklearn(model)
    got = probabilities_of(draft.answer, draft.scores(ROWS))
    np.testing.assert_allclose(got, wanted, rtol=1e-9, atol=1e-12)
    circuit = circuit_of(model, X, settings=Settings(degrees=(2,)))
    assert len(circuit.steps) == (1 if activation == "identity" else 5)
    if kind != "number":
        assert (np.array(circuit.classes)[circuit.decide(circuit.scores(X))] == model.predict(X)).mean() > 0.85


def test_a_scaler_that_clips_narrows_what_may_be_asked() -> None:
    model = fitted(make_pipeline(MinMaxScaler(clip=True), linear.LogisticRegression()), Y2)
    circuit = circuit_of(model, X)
    np.testing.assert_allclose(circuit.scores(X)[:, 0], model.decision_function(X), atol=1e-9)
    with pytest.raises(OutOfRange, match="feature 0"):
        circuit.scores(X[:1] + np.array([X[:, 0].max() + 1, 0, 0, 0, 0]))


def test_a_column_that_never_changed_must_not_change() -> None:
    circuit = circuit_of(fitted(make_pipeline(StandardScaler(), linear.LogisticRegression()), Y2), X)
    other = X[:1].copy()
    other[0, 4] = 2.6
    with pytest.raises(OutOfRange, match="feature 4"):
        circuit.scores(other)


@pytest.mark.parametrize(
    ("model", "names"),
    [
        (SVC(), "SVC"),
        (make_pipeline(Normalizer(), linear.LogisticRegression()), "Normalizer"),
        (make_pipeline(ColumnTransformer([("a", StandardScaler(), [0, 1])]), linear.LogisticRegression()), "ColumnTr"),
        (make_pipeline(FunctionTransformer(np.sign), linear.LogisticRegression()), "FunctionTransformer"),
        (linear.PoissonRegressor(), "PoissonRegressor"),
        (make_pipeline(StandardScaler(), MinMaxScaler(clip=True), linear.LogisticRegression()), "clip"),
        (make_pipeline(SimpleImputer(add_indicator=True), linear.LogisticRegression()), "imputer"),
    ],
    ids=lambda one: one if isinstance(one, str) else "",
)
def test_what_is_not_linear_is_refused_by_name(model: Any, names: str) -> None:
    y = np.abs(NUMBER) if isinstance(model, linear.PoissonRegressor) else Y2
    with pytest.raises(ModelUnsupported, match=names) as caught:
        circuit_of(fitted(model, y), X)
    assert caught.value.fix


def test_several_labels_per_row_are_refused() -> None:
    labels = np.column_stack([X[:, 0] > 0, X[:, 1] > 3]).astype(int)
    for model in (MLPClassifier((3,), max_iter=5), linear.RidgeClassifier()):
        with pytest.raises(ModelUnsupported, match="several labels"):
            circuit_of(fitted(model, labels), X)


@pytest.mark.parametrize("model", [linear.LogisticRegression(), Pipeline([("a", MLPClassifier())])])
def test_what_is_not_fitted_is_told(model: Any) -> None:
    with pytest.raises(ModelError, match="not fitted"):
        circuit_of(model, X)
