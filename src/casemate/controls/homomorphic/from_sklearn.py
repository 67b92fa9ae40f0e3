"""scikit-learn's linear models and multilayer perceptrons, and pipelines that scale before them, as drafts."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from casemate.controls.homomorphic.circuits import AnswerKind, Linear
from casemate.controls.homomorphic.drafts import Channelwise, Draft
from casemate.controls.homomorphic.layers import Layers, Value
from casemate.controls.homomorphic.refusals import refused
from casemate.core.errors import ModelError

REGRESSORS = (
    "LinearRegression", "Ridge", "RidgeCV", "Lasso", "LassoCV", "ElasticNet", "ElasticNetCV", "Lars", "LassoLars",
    "BayesianRidge", "ARDRegression", "HuberRegressor", "SGDRegressor", "TheilSenRegressor", "QuantileRegressor",
    "LinearSVR",
)  # fmt: skip
LOG_ODDS = ("LogisticRegression", "LogisticRegressionCV", "LinearDiscriminantAnalysis")
MARGINS = ("LinearSVC", "SGDClassifier", "RidgeClassifier", "RidgeClassifierCV", "Perceptron")
PERCEPTRONS = ("MLPClassifier", "MLPRegressor")
SUPPORTED = (*REGRESSORS, *LOG_ODDS, *MARGINS, *PERCEPTRONS)
"""The estimators that become drafts."""

_ACTIVATIONS = {"relu": "relu", "tanh": "tanh", "logistic": "sigmoid"}


@dataclass(frozen=True, eq=False)
class Scalers:
    """What a pipeline does before its last step.

    Args:
        steps: from rows to what the last step takes.
        low, high: the range in which that holds, (features,); infinite where there is no end.
    """

    steps: tuple[Channelwise | Linear, ...]
    low: np.ndarray
    high: np.ndarray


def from_sklearn(estimator: Any) -> Draft:
    """Return the draft of a fitted linear model or multilayer perceptron, or of a pipeline that ends in one.

    Raises:
        ModelUnsupported: another estimator, or a step of a pipeline that is not linear in each row.
        ModelError: it is not fitted.
    """
    *before, last = pipeline_steps(estimator)
    name = type(last).__name__
    _check_known(last)
    features = int((before[0] if before else last).n_features_in_)
    scalers = scalers_of(before, features)
    layers = Layers((features,))
    value = layers.here
    for step in scalers.steps:
        value = _taken(layers, value, step)
    answer = _written(last, layers, value)
    classes = tuple(str(one) for one in last.classes_) if answer != "number" else ()
    return Draft(
        shape=(features,),
        steps=tuple(layers.steps),
        answer=answer,
        classes=classes,
        reference=_reference(estimator, name, answer),
        tells_scores=name != "MLPClassifier",
        tolerance=1e-7 if _doubles(last) else 1e-4,
        low=scalers.low if np.isfinite(scalers.low).any() else None,
        high=scalers.high if np.isfinite(scalers.high).any() else None,
    )


def pipeline_steps(estimator: Any) -> list[Any]:
    """Return the fitted steps of a pipeline, pipelines inside it taken apart; the estimator itself where it is none."""
    if type(estimator).__name__ != "Pipeline":
        return [estimator]
    steps = [step for _, step in estimator.steps if step is not None and step != "passthrough"]
    return [inner for step in steps for inner in pipeline_steps(step)]


def scalers_of(steps: Sequence[Any], features: int) -> Scalers:
    """Return what transformers do, as channels that are scaled and matrices.

    Raises:
        ModelUnsupported: one that is not linear in each row.
    """
    out: list[Channelwise | Linear] = []
    low, high = np.full(features, -np.inf), np.full(features, np.inf)
    width = features
    for place, step in enumerate(steps):
        name = type(step).__name__
        read = _TRANSFORMERS.get(name)
        if read is None:
            raise refused(name, f"step {place + 1} of the pipeline", fix=_fix(name))
        if getattr(step, "clip", False) and name == "MinMaxScaler":
            if out:
                raise refused("MinMaxScaler with clip", f"step {place + 1} of the pipeline", fix="let it come first")
            low, high = np.asarray(step.data_min_, np.float64), np.asarray(step.data_max_, np.float64)
        made = read(step, width)
        out.append(made)
        width = made.outputs
    return Scalers(tuple(out), low, high)


def _check_known(last: Any) -> None:
    name = type(last).__name__
    if not type(last).__module__.startswith("sklearn.") or name not in SUPPORTED:
        raise refused(name, "the estimator", fix=f"use {', '.join(SUPPORTED)}, or a tree ensemble")
    if not (hasattr(last, "coef_") or hasattr(last, "coefs_")):
        raise ModelError(f"{name} is not fitted", fix="call its fit method first")


def _fix(name: str) -> str:
    known = f"scale with one of {', '.join(_TRANSFORMERS)}"
    return (
        known
        if name not in ("ColumnTransformer", "OneHotEncoder", "OrdinalEncoder")
        else ("let the client prepare the columns, and compile the estimator behind that step")
    )


def _channels(scale: Any, offset: Any, width: int) -> Channelwise:
    scales, offsets = (np.array(np.broadcast_to(np.asarray(x, np.float64), width)) for x in (scale, offset))
    return Channelwise(scales, offsets)


def _divided(middle: Any, scale: Any, width: int) -> Channelwise:
    """Channels from which a middle is taken, divided by a scale; each may be left out."""
    divisor = np.asarray(1.0 if scale is None else scale, np.float64)
    return _channels(1 / divisor, -np.asarray(0.0 if middle is None else middle, np.float64) / divisor, width)


def _selected(step: Any, width: int) -> Linear:
    kept = np.eye(width)[np.asarray(step.get_support())]
    return Linear(kept, np.zeros(len(kept)))


def _projected(step: Any, _: int) -> Linear:
    weights = np.asarray(step.components_, np.float64)
    if getattr(step, "whiten", False):
        weights = weights / np.sqrt(np.asarray(step.explained_variance_, np.float64))[:, None]
    mean = getattr(step, "mean_", None)
    return Linear(weights, np.zeros(len(weights)) if mean is None else -weights @ mean)


def _unfilled(step: Any, width: int) -> Channelwise:
    """An imputer: the client refuses missing values, and so it does nothing."""
    if getattr(step, "add_indicator", False) or np.isnan(np.asarray(step.statistics_, np.float64)).any():
        raise refused("an imputer that adds or drops columns", "the pipeline", fix="impute without indicators")
    return _channels(1.0, 0.0, width)


def _unchanged(step: Any, width: int) -> Channelwise:
    if step.func is not None:
        raise refused("FunctionTransformer", "the pipeline", fix="let the client apply the function beforehand")
    return _channels(1.0, 0.0, width)


_TRANSFORMERS: dict[str, Callable[[Any, int], Channelwise | Linear]] = {
    "StandardScaler": lambda step, width: _divided(step.mean_ if step.with_mean else None, step.scale_, width),
    "MinMaxScaler": lambda step, width: _channels(step.scale_, step.min_, width),
    "MaxAbsScaler": lambda step, width: _divided(None, step.scale_, width),
    "RobustScaler": lambda step, width: _divided(step.center_, step.scale_, width),
    "PCA": _projected,
    "TruncatedSVD": _projected,
    "VarianceThreshold": _selected,
    "SelectKBest": _selected,
    "SelectPercentile": _selected,
    "SelectFromModel": _selected,
    "RFE": _selected,
    "SimpleImputer": _unfilled,
    "FunctionTransformer": _unchanged,
}
ELEMENTWISE = ("StandardScaler", "MinMaxScaler", "MaxAbsScaler", "RobustScaler")
"""Transformers that scale each column by itself, and keep the order of its values."""


def _taken(layers: Layers, value: Value, step: Channelwise | Linear) -> Value:
    if isinstance(step, Linear):
        return layers.linear(value, step.weights, step.bias, "the pipeline")
    return layers.add(layers.multiply(value, step.scales, "the pipeline"), step.offsets, "the pipeline")


def _written(last: Any, layers: Layers, value: Value) -> AnswerKind:
    """Write down the last step's layers, and return what its scores are."""
    name = type(last).__name__
    if name in PERCEPTRONS:
        return _perceptron(last, layers, value)
    weights = np.atleast_2d(np.asarray(last.coef_, np.float64))
    bias = np.broadcast_to(np.asarray(last.intercept_, np.float64), len(weights))
    layers.settle(layers.linear(value, weights, np.array(bias), name), name)
    if name in REGRESSORS:
        return "number"
    if np.ndim(last.classes_[0]) or len(weights) != (1 if len(last.classes_) == 2 else len(last.classes_)):
        raise refused(f"{name} with several labels per row", "the estimator", fix="fit one classifier per label")
    if name in LOG_ODDS:
        return "binary" if len(weights) == 1 else "multiclass"
    logistic = name == "SGDClassifier" and last.loss == "log_loss" and len(weights) == 1
    return "binary" if logistic else "margins"


def _perceptron(last: Any, layers: Layers, value: Value) -> AnswerKind:
    name = type(last).__name__
    for depth, (weights, bias) in enumerate(zip(last.coefs_, last.intercepts_, strict=True)):
        where = f"layer {depth + 1} of {name}"
        value = layers.linear(value, np.asarray(weights, np.float64).T, np.asarray(bias, np.float64), where)
        if depth < len(last.coefs_) - 1 and last.activation != "identity":
            if last.activation not in _ACTIVATIONS:
                raise refused(last.activation, where)
            value = layers.nonlinear(value, _ACTIVATIONS[last.activation], where)
    layers.settle(value, name)
    if last.out_activation_ not in ("identity", "softmax", "logistic"):
        raise refused(last.out_activation_, f"the answer of {name}", fix="use the loss squared_error")
    if name == "MLPRegressor":
        return "number"
    if last.out_activation_ == "logistic" and layers.shape != (1,):
        raise refused("MLPClassifier with several labels per row", "the estimator", fix="fit one classifier per label")
    return "binary" if layers.shape == (1,) else "multiclass"


def _doubles(last: Any) -> bool:
    """Whether it computes in float64."""
    weights = last.coefs_[0] if hasattr(last, "coefs_") else last.coef_
    return bool(np.asarray(weights).dtype == np.float64)


def _reference(estimator: Any, name: str, answer: AnswerKind) -> Callable[[np.ndarray], np.ndarray]:
    """The estimator's own answers: scores, or for a perceptron that classifies probabilities."""
    method = "predict" if answer == "number" else "predict_proba" if name == "MLPClassifier" else "decision_function"

    def answers(rows: np.ndarray) -> np.ndarray:
        with warnings.catch_warnings():
            # Columns come in the order of the fit; an estimator fitted on a frame need not be reminded of their names.
            warnings.filterwarnings("ignore", message="X does not have valid feature names")
            return np.asarray(getattr(estimator, method)(rows), np.float64).reshape(len(rows), -1)

    return answers
