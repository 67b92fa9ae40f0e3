"""scikit-learn's estimators and pipelines, and anything else with predict_proba or predict."""

from __future__ import annotations

import copy
import warnings
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from casemate.core.dataset import to_frame
from casemate.core.errors import CasemateError, ModelError, ModelUnsupported
from casemate.core.schema import Schema
from casemate.systems.models.adapter import Adapter
from casemate.systems.models.answers import codes_of, label_codes, one_hot, probabilities, spread

if TYPE_CHECKING:
    from casemate.core.trees import TreeEnsemble

Input = Literal["array", "polars", "pandas"]


@dataclass(frozen=True, eq=False)
class EstimatorModel(Adapter):
    """An object that answers `predict_proba` or `predict` for rows.

    Args:
        estimator: the fitted object. It is not changed.
        input: how it is given rows: an array (n, d) float64, or a frame with the columns' names and texts.
        codes: the label code of each of its classes, in its own order.
    """

    estimator: Any
    input: Input
    codes: np.ndarray

    @property
    def kind(self) -> str:
        """Library and class, the last step's for a pipeline."""
        return kind_of(self.estimator)

    @property
    def features(self) -> int:
        """Inputs that it was fitted on; the schema's where it does not say."""
        return int(getattr(self.estimator, "n_features_in_", self.schema.features))

    @cached_property
    def gives_scores(self) -> bool:
        """Whether it has predict_proba."""
        return hasattr(self.estimator, "predict_proba")

    @cached_property
    def _reminds(self) -> bool:
        """Whether it was fitted on a frame, so that it warns of every array without names."""
        return hasattr(self.estimator, "feature_names_in_")

    def scores(self, X: np.ndarray) -> np.ndarray:
        """Return class probabilities (n, classes) for rows (n, d); one-hot labels where it has no predict_proba.

        Raises:
            ModelError: the estimator raised, or its answers are no probabilities or labels.
        """
        if not len(X):  # estimators refuse
            return np.empty((0, self.classes))
        if not self.gives_scores:
            labels = self._call("predict", X)
            return one_hot(label_codes(labels, len(X), self.schema, self.kind), self.classes)
        answer = probabilities(self._call("predict_proba", X), len(X), len(self.codes), self.kind)
        return spread(answer, self.codes, self.classes)

    def trees(self) -> TreeEnsemble | None:
        """The flat trees where the estimator itself is a tree ensemble over the schema's numbers; else None."""
        return self._trees

    @cached_property
    def _trees(self) -> TreeEnsemble | None:
        from casemate.systems.models.aligned import flat_trees

        if self.input != "array" and any(column.categories for column in self.schema.columns):
            return None
        return flat_trees(self.estimator, self.codes, self.schema)

    def _call(self, method: str, X: np.ndarray) -> Any:
        given = self._given(X)
        try:
            if not self._reminds:
                return getattr(self.estimator, method)(given)
            with warnings.catch_warnings():
                # Columns come in the schema's order; a model fitted on a frame need not be reminded of their names.
                warnings.filterwarnings("ignore", message="X does not have valid feature names")
                return getattr(self.estimator, method)(given)
        except CasemateError:
            raise
        except Exception as error:
            raise ModelError(
                f"the model raised in {method}: {type(error).__name__}: {error}",
                where=self.kind,
                why=f"it was given {len(X)} rows of {X.shape[1]} columns as {self.input}",
                fix="check that it was fitted on these columns; frame = true gives it a frame with names and texts",
            ) from error

    def _given(self, X: np.ndarray) -> Any:
        if self.input == "array":
            return np.asarray(X, dtype=np.float64)
        frame = to_frame(self.schema, X)
        if self.input == "polars":
            return frame
        import pandas as pd

        # By columns: Polars's own conversion would need pyarrow.
        return pd.DataFrame({name: frame[name].to_list() for name in frame.columns})


def from_estimator(estimator: Any, schema: Schema, *, frame: bool = False) -> EstimatorModel:
    """Adapt a fitted object with predict_proba or predict.

    Without ``classes_``, column ``i`` of its probabilities is label ``i``.

    Args:
        frame: give it a frame instead of an array: Polars where the estimator takes it, else pandas where installed.

    Raises:
        ModelError: it is not fitted.
        ModelUnsupported: no classifier.
        ShapeMismatch: classes that the schema does not have.
    """
    _check_classifier(estimator)
    found = getattr(estimator, "classes_", None)
    if isinstance(found, list):
        raise ModelUnsupported(
            f"{kind_of(estimator)} has {len(found)} outputs per row",
            why="a classifier here tells one label per row",
            fix="fit one classifier per output",
        )
    names = range(len(schema.classes)) if found is None else found
    codes = codes_of(names, schema, kind_of(estimator))
    model = EstimatorModel(schema, _one_thread(estimator), "array", codes)
    return _with_frame(model) if frame else model


def kind_of(thing: Any) -> str:
    """Return library and class for people, for example ``scikit-learn LogisticRegression``."""
    steps = getattr(thing, "steps", None)
    inner = steps[-1][1] if isinstance(steps, list) and steps else thing
    library = type(inner).__module__.partition(".")[0]
    name = type(inner).__name__
    shown = {"sklearn": "scikit-learn", "xgboost": "XGBoost", "lightgbm": "LightGBM"}.get(library, library)
    return f"{shown} {name}" if inner is thing else f"{shown} pipeline ending in {name}"


def _check_classifier(estimator: Any) -> None:
    if hasattr(estimator, "classes_"):
        return
    if hasattr(estimator, "get_params"):
        from sklearn.base import is_classifier

        if is_classifier(estimator):
            raise ModelError(f"{kind_of(estimator)} is not fitted", fix="call its fit method first")
        raise ModelUnsupported(
            f"{kind_of(estimator)} is no classifier",
            why="it has no classes_, so its answers are no labels",
            fix="give a fitted classifier, or a pipeline that ends in one",
        )


def _one_thread(estimator: Any) -> Any:
    """The estimator with every n_jobs set to 1: threads add votes in the order in which they finish."""
    if not hasattr(estimator, "get_params"):
        return estimator
    jobs = {
        name: 1
        for name, value in estimator.get_params(deep=True).items()
        if name.rpartition("__")[2] == "n_jobs" and value not in (None, 1)
    }
    return copy.deepcopy(estimator).set_params(**jobs) if jobs else estimator


def _with_frame(model: EstimatorModel) -> EstimatorModel:
    """The model fed with the first kind of frame that it takes; Polars where none can be tried out."""
    schema = model.schema
    ends = np.stack((schema.low, schema.high))
    probe = np.where(schema.integral, np.rint(ends), ends)
    kinds: tuple[Input, ...] = ("polars", "pandas")
    for kind in kinds:
        candidate = replace(model, input=kind)
        try:
            candidate.scores(probe)
        except (CasemateError, ImportError):
            continue
        return candidate
    return replace(model, input="polars")
