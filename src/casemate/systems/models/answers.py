"""What every adapter does with a library's answer: check it, order its columns by label, turn it into probabilities."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from casemate.core.errors import ModelError, ModelUnsupported, ShapeMismatch
from casemate.core.schema import Schema

SUM_TOLERANCE = 1e-3
"""How far a row of probabilities may be from summing to 1; float16 servers round that much."""


def one_hot(labels: np.ndarray, classes: int) -> np.ndarray:
    """Return labels (n,) in [0, classes) as one-hot rows (n, classes) float64."""
    return np.asarray(np.eye(classes)[labels])


def softmax(logits: np.ndarray) -> np.ndarray:
    """Return the softmax of ``logits`` (n, classes) in float64."""
    z = np.asarray(logits, dtype=np.float64)
    e = np.exp(z - z.max(axis=1, keepdims=True, initial=-np.inf))
    return np.asarray(e / e.sum(axis=1, keepdims=True))


def two_columns(positive: np.ndarray) -> np.ndarray:
    """Return probabilities of the second of two classes, (n,) or (n, 1), as (n, 2)."""
    p = np.asarray(positive, dtype=np.float64).reshape(len(positive))
    return np.stack((1.0 - p, p), axis=1)


def codes_of(found: Sequence[Any] | np.ndarray, schema: Schema, kind: str) -> np.ndarray:
    """Return the label code of each class that a model was trained on, in the model's own order.

    Whole numbers in [0, classes) are codes; anything else must be a class's name. A model may know fewer classes
    than the schema (its training rows may have held no row of one), never others.

    Raises:
        ShapeMismatch: a class that the schema does not have.
    """
    values = [value.item() if isinstance(value, np.generic) else value for value in found]
    names = list(schema.classes)
    if all(_whole(value) and 0 <= value < len(names) for value in values):
        return np.array([int(value) for value in values], dtype=np.int64)
    strange = [value for value in values if str(value) not in names]
    if strange or len({str(value) for value in values}) < len(values):
        shown = ", ".join(map(repr, (strange or values)[:5]))
        raise ShapeMismatch(
            f"the model was trained on the class {shown}, which the data does not have"
            if len(strange) == 1
            else f"the model was trained on the classes {shown}, which do not match the data's",
            where=kind,
            why="its answers cannot be matched with labels",
            fix=f"train it on the label codes 0 to {len(names) - 1}, or on the class names: {', '.join(names)}",
        )
    return np.array([names.index(str(value)) for value in values], dtype=np.int64)


def _whole(value: Any) -> bool:
    return isinstance(value, bool | int) or (isinstance(value, float) and value.is_integer())


def spread(scores: np.ndarray, codes: np.ndarray, classes: int) -> np.ndarray:
    """Return scores (n, len(codes)) with each column moved to its label code; classes not known score 0."""
    if len(codes) == classes and (codes == np.arange(classes)).all():
        return scores
    out = np.zeros((len(scores), classes))
    out[:, codes] = scores
    return out


def probabilities(answer: Any, rows: int, columns: int, kind: str) -> np.ndarray:
    """Check that a library's answer holds probabilities (rows, columns); return them as float64.

    Raises:
        ModelUnsupported: several outputs.
        ShapeMismatch: another shape.
        ModelError: NaN, infinite or negative values, or rows that do not sum to 1.
    """
    if isinstance(answer, list) and answer and np.ndim(answer[0]) == 2:
        raise ModelUnsupported(
            f"{kind} answers with {len(answer)} outputs per row",
            why="a classifier here tells one label per row",
            fix="fit one classifier per output",
        )
    scores = np.asarray(answer, dtype=np.float64)
    if scores.shape != (rows, columns):
        raise ShapeMismatch(
            f"the model answers {rows} rows with shape {scores.shape}, not {(rows, columns)}",
            where=kind,
            fix="give a model that answers one probability per class and row",
        )
    # A value that is not finite fails one of these comparisons too, and before anything is summed.
    bounded = scores.min(initial=0.0) >= -SUM_TOLERANCE and scores.max(initial=1.0) <= 1.0 + SUM_TOLERANCE
    if not bounded or np.abs(np.add.reduce(scores, axis=1) - 1.0).max(initial=0.0) > SUM_TOLERANCE:
        raise ModelError(
            "the model's answers are no probabilities: each row must be non-negative and sum to 1",
            where=kind,
            why="attacks, controls and costs all read them as probabilities",
            fix="return probabilities (predict_proba), or only labels (predict)",
        )
    return scores


def label_codes(answer: Any, rows: int, schema: Schema, kind: str) -> np.ndarray:
    """Check that a library's answer holds one label per row; return the codes (rows,) int64.

    Raises:
        ShapeMismatch: another shape, or a label that the schema does not have.
    """
    labels = np.asarray(answer)
    if labels.shape == (rows, 1):
        labels = labels[:, 0]
    if labels.shape != (rows,):
        raise ShapeMismatch(
            f"the model answers {rows} rows with shape {labels.shape}, not one label per row",
            where=kind,
            fix="answer labels from predict, and probabilities from predict_proba",
        )
    distinct, inverse = np.unique(labels, return_inverse=True)
    return codes_of(distinct, schema, kind)[inverse.reshape(rows)]
