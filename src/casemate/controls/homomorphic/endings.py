"""Endings: what the scores of a network are, and the last function of it, which the client computes."""

from __future__ import annotations

from typing import Literal

import numpy as np

from casemate.controls.homomorphic.circuits import AnswerKind
from casemate.controls.homomorphic.drafts import Asked, DraftStep, Nonlinearity
from casemate.controls.homomorphic.layers import Layers, Value
from casemate.controls.homomorphic.refusals import refused

Ending = Literal["softmax", "log-softmax", "sigmoid", ""]


def ended(layers: Layers, last: Value, asked: Asked) -> tuple[tuple[DraftStep, ...], AnswerKind, Ending]:
    """Return the steps up to the scores, what these are, and the function that a client applies to them.

    Args:
        layers: the whole network.
        last: what it gives.
        asked: what is known besides.

    Raises:
        ModelUnsupported: several labels per row, or an answer that does not fit what the network gives.
    """
    layers.settle(last, "the answer")
    steps, outputs, ending = tuple(layers.steps), layers.size, layers.ending
    if steps and isinstance(steps[-1], Nonlinearity) and steps[-1].name == "sigmoid" and asked.answer != "number":
        if outputs > 1:
            raise refused(
                "a network with several labels per row",
                "the answer",
                why=f"it ends in {outputs} sigmoids, and a decision is for one class",
                fix="leave the sigmoid away and ask for answer='number', or train one network per label",
            )
        steps, ending = steps[:-1], "sigmoid"
    told: AnswerKind | None = {"sigmoid": "binary", "softmax": "multiclass", "log-softmax": "multiclass"}.get(ending)  # type: ignore[assignment]
    answer = told or asked.answer or ("multiclass" if outputs > 1 else "binary" if asked.classes == 2 else "number")
    fits = {"binary": outputs == 1, "multiclass": outputs > 1}.get(answer, True)
    if not fits or (asked.answer is not None and answer != asked.answer):
        raise refused(
            f"a network of {outputs} outputs that ends in {ending or 'a linear step'} as {asked.answer}",
            "the answer",
            why="its scores mean something else",
            fix="leave answer out, or name what the network was trained for",
        )
    return steps, answer, ending


def told(answers: np.ndarray, ending: Ending) -> np.ndarray:
    """Return what a network answers, (n, ...), as scores or as probabilities, (n, columns) float64."""
    flat = np.asarray(answers, np.float64).reshape(len(answers), -1)
    if ending == "log-softmax":
        return np.exp(flat)
    return np.hstack([1 - flat, flat]) if ending == "sigmoid" else flat
