"""Opening: the library's own object inside a model that Casemate has loaded."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from casemate.controls.homomorphic.from_sklearn import SUPPORTED as ESTIMATORS
from casemate.core.errors import ModelUnsupported
from casemate.core.model import Model

SUPPORTED = (
    f"scikit-learn's linear models and multilayer perceptrons ({', '.join(ESTIMATORS)}), "
    "tree ensembles of scikit-learn, XGBoost and LightGBM that tell classes apart, "
    "torch modules and ONNX graphs that are chains of layers"
)
"""What becomes a circuit."""


@dataclass(frozen=True, eq=False)
class Opened:
    """The object inside a model, or an object as it is.

    Args:
        thing: the library's own object.
        codes: the label of each of its classes, in its own order; None where that is the order of labels.
        names: the labels' names; None where the object names its classes itself, or nobody does.
        shape: the shape of one row; None where the calibration rows tell it.
        output, link: the name of the output that is read, and what it holds, of an ONNX graph.
    """

    thing: Any
    codes: np.ndarray | None = None
    names: tuple[str, ...] | None = None
    shape: tuple[int, ...] | None = None
    output: str | None = None
    link: str | None = None

    @property
    def kinds(self) -> set[str]:
        """Library and name of each class that the object is of."""
        return {f"{kind.__module__.partition('.')[0]}.{kind.__name__}" for kind in type(self.thing).__mro__}


def open_model(model: Any) -> Opened:
    """Return what is inside a model of `casemate.systems.models`; another object is returned as it is.

    Raises:
        ModelUnsupported: a model that is elsewhere, or shows nothing of its inside.
    """
    if not isinstance(model, Model):
        return Opened(model)
    inside: Any = model
    kind = type(model).__name__
    if kind == "RootedModel":
        return open_model(inside.inner)
    names = tuple(map(str, inside.schema.classes)) if hasattr(model, "schema") else None
    match kind:
        case "EstimatorModel":
            return Opened(inside.estimator, inside.codes, names)
        case "LightGBMModel":
            return Opened(inside.booster, inside.codes, names)
        case "XGBoostModel":
            _check_missing(inside.missing)
            return Opened(inside.booster, inside.codes, names)
        case "TorchModel":
            return Opened(inside.module, None, names, inside.schema.shape)
        case "ProgramModel":
            return Opened(inside.rows.inner.inner, None, names, inside.schema.shape)
        case "OnnxModel":
            return _onnx(inside, names)
    raise unknown(model.kind)


def unknown(what: str) -> ModelUnsupported:
    """Return the error for an object of which nothing can be read."""
    return ModelUnsupported(
        f"{what} cannot be computed on encrypted data",
        why="nothing is known of what it computes inside",
        fix=f"give one of {SUPPORTED}",
    )


def _check_missing(missing: float) -> None:
    if not np.isnan(missing):
        raise ModelUnsupported(
            f"the model reads {missing:g} as missing",
            why="the client refuses missing values, and this one is a number like others",
            fix="replace it by NaN and fit with missing=nan",
        )


def _onnx(model: Any, names: tuple[str, ...] | None) -> Opened:
    """An ONNX graph with one output of scores."""
    from casemate.systems.models.extras import need

    reading, schema = model.reading, model.schema
    if reading.link in ("maps", "labels"):
        raise ModelUnsupported(
            f"the output {reading.output!r} of the graph holds {reading.link}",
            why="scores are what can be computed on encrypted data",
            fix="export the model with an output of one score per class (zipmap=False), or compile the model itself",
        )
    proto = need("onnx", "read an ONNX model").load_model_from_string(model.saved)
    return Opened(proto, reading.codes, names, schema.shape, reading.output, reading.link)
