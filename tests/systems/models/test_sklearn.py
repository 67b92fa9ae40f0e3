"""scikit-learn's estimators, and objects that merely behave like them."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import polars as pl
import pytest
from sklearn.compose import ColumnTransformer
from sklearn.datasets import make_multilabel_classification
from sklearn.ensemble import GradientBoostingClassifier, HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LinearRegression, LogisticRegression, RidgeClassifier
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler
from sklearn.svm import LinearSVC
from sklearn.tree import DecisionTreeClassifier

from casemate.core.dataset import to_frame
from casemate.core.errors import ModelError, ModelUnsupported, ShapeMismatch
from casemate.core.model import Model
from casemate.core.schema import Column, Schema
from casemate.systems.models import adapt

ESTIMATORS = [
    LogisticRegression(),
    make_pipeline(StandardScaler(), LogisticRegression()),
    GridSearchCV(LogisticRegression(), {"C": [1.0]}, cv=2),
    RandomForestClassifier(5, random_state=0),
    HistGradientBoostingClassifier(max_iter=3),
]


@pytest.mark.parametrize("estimator", ESTIMATORS, ids=lambda e: type(e).__name__)
def test_scores_are_those_of_predict_proba(estimator: Any, three: Schema, X: np.ndarray, y3: np.ndarray) -> None:
    fitted = estimator.fit(X, y3)
    model = adapt(fitted, three)
    assert isinstance(model, Model)
    np.testing.assert_array_equal(model.scores(X), fitted.predict_proba(X))
    assert (model.features, model.classes, model.gives_scores) == (4, 3, True)
    assert model.scores(X[:0]).shape == (0, 3)
    assert model.network() is None
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(model)).scores(X), model.scores(X))


def test_kinds_are_for_people(table: Schema, X: np.ndarray, y: np.ndarray) -> None:
    assert adapt(LogisticRegression().fit(X, y), table).kind == "scikit-learn LogisticRegression"
    pipeline = make_pipeline(StandardScaler(), LogisticRegression()).fit(X, y)
    assert adapt(pipeline, table).kind == "scikit-learn pipeline ending in LogisticRegression"


@pytest.mark.parametrize("estimator", [RidgeClassifier(), LinearSVC()], ids=lambda e: type(e).__name__)
def test_without_probabilities_the_labels_are_given(
    estimator: Any, three: Schema, X: np.ndarray, y3: np.ndarray
) -> None:
    names = np.array(["c", "a", "b"])[y3]
    fitted = estimator.fit(X, names)
    model = adapt(fitted, three)
    assert not model.gives_scores
    scores = model.scores(X)
    np.testing.assert_array_equal(np.array(three.classes)[scores.argmax(axis=1)], fitted.predict(X))
    assert set(np.unique(scores)) == {0.0, 1.0}


@pytest.mark.parametrize(
    ("names", "classes"),
    [
        (("no", "yes"), [0, 1]),
        (("no", "yes"), [0.0, 1.0]),
        (("no", "yes"), [False, True]),
        (("no", "yes"), ["no", "yes"]),
        (("yes", "no"), ["yes", "no"]),
        (("1", "2"), [1, 2]),
        (("1", "2"), ["1", "2"]),
        (("0", "1"), [0, 1]),
        (("-1", "1"), [-1, 1]),
    ],
)
def test_classes_are_codes_or_names(
    names: tuple[str, str], classes: list[Any], table: Schema, X: np.ndarray, y: np.ndarray
) -> None:
    schema = Schema(table.columns, names)
    labels = np.array(classes)[y]
    for estimator in (LogisticRegression(), DecisionTreeClassifier()):
        model = adapt(estimator.fit(X, labels), schema)
        assert (model.scores(X).argmax(axis=1) == y).mean() > 0.9
        if model.trees() is not None:
            np.testing.assert_array_equal(model.trees().scores(X), model.scores(X))


def test_a_class_that_was_not_trained_on_scores_nothing(three: Schema, X: np.ndarray, y: np.ndarray) -> None:
    model = adapt(LogisticRegression().fit(X, np.where(y == 1, 2, 0)), three)
    assert (model.scores(X)[:, 1] == 0).all()
    np.testing.assert_allclose(model.scores(X).sum(axis=1), 1.0)
    assert model.classes == 3
    assert model.trees() is None


@pytest.mark.parametrize("labels", [[3, 4], ["x", "y"], [0, 2], ["no", "maybe"]])
def test_other_classes_are_named(labels: list[Any], table: Schema, X: np.ndarray, y: np.ndarray) -> None:
    with pytest.raises(ShapeMismatch, match=str(labels[1])) as caught:
        adapt(LogisticRegression().fit(X, np.array(labels)[y]), table)
    assert "no, yes" in str(caught.value.fix)


TREES = [
    DecisionTreeClassifier(random_state=0),
    RandomForestClassifier(5, random_state=0, n_jobs=2),
    GradientBoostingClassifier(n_estimators=4, random_state=0),
    HistGradientBoostingClassifier(max_iter=4),
]


@pytest.mark.parametrize("estimator", TREES, ids=lambda e: type(e).__name__)
@pytest.mark.parametrize("order", [["a", "b", "c"], ["c", "a", "b"]])
def test_trees_answer_as_the_model_does(
    estimator: Any, order: list[str], three: Schema, X: np.ndarray, y3: np.ndarray
) -> None:
    model = adapt(estimator.fit(X, np.array(order)[y3]), Schema(three.columns, tuple(order)))
    trees = model.trees()
    assert trees is not None
    assert model.trees() is trees
    np.testing.assert_allclose(trees.scores(X), model.scores(X), atol=1e-12)


def test_two_classes_the_other_way_round(table: Schema, X: np.ndarray, y: np.ndarray) -> None:
    fitted = GradientBoostingClassifier(n_estimators=4, random_state=0).fit(X, np.array(["yes", "no"])[y])
    model = adapt(fitted, Schema(table.columns, ("yes", "no")))
    trees = model.trees()
    assert trees is not None
    np.testing.assert_allclose(trees.scores(X), model.scores(X), atol=1e-12)


def test_no_trees_behind_preprocessing(table: Schema, X: np.ndarray, y: np.ndarray) -> None:
    assert adapt(make_pipeline(StandardScaler(), DecisionTreeClassifier()).fit(X, y), table).trees() is None


def test_one_thread_and_the_users_object_is_left_alone(table: Schema, X: np.ndarray, y: np.ndarray) -> None:
    forest = RandomForestClassifier(5, n_jobs=2).fit(X, y)
    pipeline = make_pipeline(StandardScaler(), RandomForestClassifier(5, n_jobs=-1)).fit(X, y)
    assert adapt(forest, table).estimator.n_jobs == 1
    assert adapt(pipeline, table).estimator[-1].n_jobs == 1
    assert forest.n_jobs == 2
    assert pipeline[-1].n_jobs == -1


def test_no_warning_about_names_for_models_fitted_on_frames(table: Schema, X: np.ndarray, y: np.ndarray) -> None:
    import pandas as pd

    fitted = LogisticRegression().fit(pd.DataFrame(X, columns=list(table.names)), y)
    for frame in (False, True):
        np.testing.assert_allclose(adapt(fitted, table, frame=frame).scores(X), fitted.predict_proba(X_frame(X, table)))


def X_frame(X: np.ndarray, schema: Schema) -> pl.DataFrame:
    return to_frame(schema, X)


MIXED = Schema(
    (
        Column("age", low=18, high=90, kind="integer"),
        Column("job", kind="category", high=2, categories=("nurse", "cook", "smith")),
        Column("income", high=9.5),
        Column("member", kind="boolean"),
    ),
    ("no", "yes"),
)


def mixed_rows(n: int = 90) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    X = np.stack([rng.integers(18, 91, n), rng.integers(0, 3, n), 9.5 * rng.random(n), rng.integers(0, 2, n)], 1)
    return X.astype(float), (X[:, 1] == 2).astype(int)


def by_columns() -> Any:
    return ColumnTransformer(
        [("text", OneHotEncoder(), ["job"]), ("rest", StandardScaler(), ["age", "income", "member"])]
    )


@pytest.mark.parametrize("fitted_on", ["polars", "pandas"])
def test_frames_with_texts_for_pipelines_by_column_name(fitted_on: str) -> None:
    X, y = mixed_rows()
    frame = to_frame(MIXED, X)
    assert frame["job"].dtype == pl.String
    given: Any = frame
    if fitted_on == "pandas":
        import pandas as pd

        given = pd.DataFrame({name: frame[name].to_list() for name in frame.columns})
    fitted = make_pipeline(by_columns(), LogisticRegression()).fit(given, y)
    model = adapt(fitted, MIXED, frame=True)
    np.testing.assert_allclose(model.scores(X), fitted.predict_proba(given))
    assert (model.scores(X).argmax(1) == y).mean() > 0.95
    assert model.features == 4
    assert model.scores(X[:1]).shape == (1, 2)
    with pytest.raises(ModelError, match="raised in predict_proba") as caught:
        adapt(fitted, MIXED).scores(X)
    assert "frame" in str(caught.value.fix)


def only_pandas(frame: Any) -> Any:
    return frame.assign(old=(frame["age"] > 60).astype(int)).loc[:, ["age", "income", "old"]]


def test_pandas_where_the_estimator_needs_it() -> None:
    import pandas as pd

    X, y = mixed_rows()
    frame = to_frame(MIXED, X)
    given = pd.DataFrame({name: frame[name].to_list() for name in frame.columns})
    fitted = make_pipeline(FunctionTransformer(only_pandas), LogisticRegression(max_iter=1000)).fit(given, y)
    model = adapt(fitted, MIXED, frame=True)
    assert model.input == "pandas"
    np.testing.assert_allclose(model.scores(X), fitted.predict_proba(given))


def test_trees_of_a_frame_without_texts(table: Schema, X: np.ndarray, y: np.ndarray) -> None:
    fitted = DecisionTreeClassifier().fit(to_frame(table, X), y)
    model = adapt(fitted, table, frame=True)
    trees = model.trees()
    assert trees is not None
    np.testing.assert_array_equal(trees.scores(X), model.scores(X))


def test_what_is_no_classifier_is_told(table: Schema, X: np.ndarray, y: np.ndarray) -> None:
    with pytest.raises(ModelError, match="not fitted"):
        adapt(LogisticRegression(), table)
    with pytest.raises(ModelUnsupported, match="no classifier"):
        adapt(LinearRegression().fit(X, y), table)
    many, labels = make_multilabel_classification(30, 4, n_classes=2, random_state=0)
    with pytest.raises(ModelUnsupported, match="2 outputs"):
        adapt(DecisionTreeClassifier().fit(many, labels), table)
    for thing in (None, 3, "model", [1], LogisticRegression, lambda rows: rows):
        with pytest.raises(ModelUnsupported) as caught:
            adapt(thing, table)
        assert "scikit-learn" in str(caught.value.fix)


class Answers:
    """Answers whatever it was given."""

    def __init__(self, answer: Any) -> None:
        self.answer = answer

    def predict_proba(self, rows: np.ndarray) -> Any:
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


class Labels(Answers):
    def predict(self, rows: np.ndarray) -> Any:
        return self.answer

    def __getattribute__(self, name: str) -> Any:
        if name == "predict_proba":
            raise AttributeError(name)
        return super().__getattribute__(name)


def test_anything_with_predict_proba_or_predict_will_do(table: Schema) -> None:
    X = np.zeros((2, 4))
    model = adapt(Answers([[0.25, 0.75], [1, 0]]), table)
    np.testing.assert_array_equal(model.scores(X), [[0.25, 0.75], [1.0, 0.0]])
    for labels in ([1, 0], np.array([[1], [0]]), ["yes", "no"], [1.0, 0.0], [True, False]):
        model = adapt(Labels(labels), table)
        assert not model.gives_scores
        np.testing.assert_array_equal(model.scores(X), [[0, 1], [1, 0]])
    assert adapt(model, table) is model


@pytest.mark.parametrize(
    "answer",
    [
        [[0.5, 0.5]],
        [[0.5, 0.4, 0.1], [0.5, 0.4, 0.1]],
        [0.1, 0.9],
        [[0.9, 0.9], [0.5, 0.5]],
        [[-0.5, 1.5], [0.5, 0.5]],
        [[np.nan, 1.0], [0.5, 0.5]],
        [[np.inf, -np.inf], [0.5, 0.5]],
        [np.zeros((2, 2)), np.zeros((2, 2))],
        ValueError("bad rows"),
    ],
    ids=str,
)
def test_answers_that_are_no_probabilities(answer: Any, table: Schema) -> None:
    with pytest.raises((ModelError, ShapeMismatch)):
        adapt(Answers(answer), table).scores(np.zeros((2, 4)))


@pytest.mark.parametrize("answer", [[1], [1, 2], [-1, 0], [0.5, 1], ["no", "maybe"], [[0, 1], [1, 0]], 1], ids=str)
def test_answers_that_are_no_labels(answer: Any, table: Schema) -> None:
    with pytest.raises((ModelError, ShapeMismatch)):
        adapt(Labels(answer), table).scores(np.zeros((2, 4)))
