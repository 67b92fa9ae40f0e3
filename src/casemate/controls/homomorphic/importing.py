"""Importing: a trained model, from whichever library, as a circuit that can be computed on ciphertexts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, TypeVar

import numpy as np

from casemate.controls.homomorphic import from_sklearn
from casemate.controls.homomorphic.circuits import AnswerKind, Circuit, checked_rows
from casemate.controls.homomorphic.drafts import Asked, Draft
from casemate.controls.homomorphic.folding import balanced, folded
from casemate.controls.homomorphic.from_trees import from_trees, is_tree_model
from casemate.controls.homomorphic.merging import merged
from casemate.controls.homomorphic.opening import Opened, open_model, unknown
from casemate.controls.homomorphic.preparing import Ranges, prepared, ranges_of
from casemate.controls.homomorphic.replacing import Retrained, Settings, replaced
from casemate.core.errors import DataUnreadable, EmptyData, ModelUnsupported, ShapeMismatch

FineTune = Callable[[Any], Any]
"""Trains a torch module with polynomial activations, which is trainable, and returns it, or None if in place."""

M = TypeVar("M", Draft, Circuit)

MEANINGS = {
    ("number", "one"): "the score is the predicted number",
    ("number", "several"): "the scores are the predicted numbers",
    ("binary", "one"): "the score is the log-odds of class 1",
    ("multiclass", "several"): "the scores are one logit per class",
    ("margins", "one"): "the score is the margin of class 1",
    ("margins", "several"): "the scores are one margin per class",
}
"""What scores are, by the kind of answer and how many there are."""


def circuit_of(
    model: Any,
    calibration: np.ndarray,
    *,
    classes: Sequence[str] | None = None,
    answer: AnswerKind | None = None,
    ranges: Ranges | None = None,
    room: float = 0.25,
    settings: Settings | None = None,
    fine_tune: FineTune | None = None,
) -> Circuit:
    """Return a trained model as a circuit.

    Linear models and trees give the scores that the model gives. Functions of networks are replaced by polynomials that
    are calibrated on rows; ``semantics`` of what is returned says by which, and how many decisions stayed as they were.

    Args:
        model: one of `opening.SUPPORTED`, or such a model behind `casemate.core.model.Model`.
        calibration: rows like those that will be asked, in their own units: (n, features), or (n, channels, height,
            width) for images. Ranges and intervals come from them.
        classes: the classes' names, by index, in place of those that the model tells.
        answer: what the scores of a network are; by default logits of classes, of one class where it ends in a sigmoid
            or where two classes are named, and else, where there is one score, a number.
        ranges: the lowest and highest value of each feature that clients may ask; from the calibration rows by default.
            Trees take any number.
        room: how much wider than the calibration rows those ranges are at each end, as a share of their width.
        settings: how functions are replaced.
        fine_tune: trains a torch module whose functions were replaced, where decisions would not stay otherwise.

    Raises:
        ModelUnsupported: a layer, operator, estimator or depth that cannot be computed on ciphertexts, named, with what
            would work.
        ModelError: a model that is not fitted.
        ShapeMismatch, NotFinite, OutOfRange, EmptyData, DataUnreadable: calibration rows or ranges that do not fit.
    """
    try:
        array = np.asarray(calibration, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise DataUnreadable(f"calibration rows are no numbers: {error}", fix="give an array of numbers") from error
    if array.ndim < 2 or not len(array):
        raise EmptyData(
            f"calibration rows have the shape {array.shape}",
            why="ranges and intervals come from them",
            fix="give some hundred rows that the model was not trained on, (n, features)",
        )
    opened = open_model(model)
    rows = array.reshape(len(array), -1)
    if is_tree_model(opened.thing):
        circuit = _named(from_trees(opened.thing, opened.codes, opened.names), classes)
        checked_rows(rows, circuit.preparation.features)
        return circuit
    asked = Asked(opened.shape or array.shape[1:], rows, answer, len(classes or opened.names or ()))
    draft, retrained = _draft(opened, asked, fine_tune)
    rows = checked_rows(rows, draft.features)
    draft.check(rows)
    if opened.codes is not None and opened.names is not None:
        draft = draft.ordered(opened.codes, opened.names)
    else:
        classes = classes or opened.names
    draft = _named(draft, classes)
    bounds = ranges_of(draft, rows, room, ranges)
    draft = replace(draft, steps=tuple(merged(draft.steps, draft.features)))
    done = replaced(draft, rows, settings or Settings(), retrained)
    circuit = folded(prepared(done.draft, bounds, _semantics(draft, done.told)))
    return balanced(circuit, rows)


def _draft(opened: Opened, asked: Asked, fine_tune: FineTune | None) -> tuple[Draft, Retrained | None]:
    """Read a model that is no tree ensemble, and what trains it again."""
    kinds = opened.kinds
    if fine_tune is not None and "torch.Module" not in kinds:
        raise ModelUnsupported(
            f"{type(opened.thing).__name__} cannot be trained with polynomials in place of its functions",
            why="only torch modules are made of parts that can be exchanged",
            fix="leave fine_tune out, or give the torch module",
        )
    if "torch.Module" in kinds:
        from casemate.controls.homomorphic import from_torch

        draft = from_torch.from_torch(opened.thing, asked)
        return draft, from_torch.retrained(opened.thing, asked, fine_tune) if fine_tune else None
    if "onnx.ModelProto" in kinds:
        from casemate.controls.homomorphic.from_onnx import from_onnx

        return from_onnx(opened.thing, asked, opened.output, opened.link), None
    if any(kind.startswith("sklearn.") for kind in kinds):
        return from_sklearn.from_sklearn(opened.thing), None
    raise unknown(type(opened.thing).__name__)


def _named(made: M, classes: Sequence[str] | None) -> M:
    """A draft or circuit with the user's names for its classes."""
    if classes is None or made.answer == "number":
        return made
    if len(classes) != len(made.classes):
        raise ShapeMismatch(
            f"{len(classes)} classes are named, and the model tells {len(made.classes)} apart",
            fix="name each class once, in the order of labels",
        )
    return replace(made, classes=tuple(map(str, classes)))


def _semantics(draft: Draft, told: str) -> str:
    """In one sentence, in what sense the scores are the model's."""
    what = MEANINGS[draft.answer, "one" if draft.outputs == 1 else "several"]
    if told:
        return f"{what}; {told}"
    return f"{what}, the same as the model's but for rounding in floating point"
