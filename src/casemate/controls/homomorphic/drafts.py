"""Drafts: a model as it was read, whose nonlinear functions have yet to become polynomials."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TypeAlias

import numpy as np

from casemate.controls.homomorphic.circuits import AnswerKind, Convolution, Linear, Polynomial, probabilities_of
from casemate.core.errors import ModelUnsupported

_FEW, _MANY = 4, 64
"""Rows on which what was read is held against the model itself."""


@dataclass(frozen=True, eq=False)
class Channelwise:
    """Every channel multiplied and shifted.

    Args:
        scale, offset: (channels,) float64.
        repeat: how many numbers a channel has; they follow each other.
    """

    scale: np.ndarray
    offset: np.ndarray
    repeat: int = 1

    def __call__(self, values: np.ndarray) -> np.ndarray:
        """Return values (n, channels x repeat) multiplied and shifted."""
        return np.asarray(values * self.scales + self.offsets)

    @property
    def scales(self) -> np.ndarray:
        """The factor of every number, (channels x repeat,)."""
        return np.repeat(self.scale, self.repeat)

    @property
    def offsets(self) -> np.ndarray:
        """The shift of every number, (channels x repeat,)."""
        return np.repeat(self.offset, self.repeat)

    @property
    def outputs(self) -> int:
        """How many numbers it gives."""
        return len(self.scale) * self.repeat


@dataclass(frozen=True, eq=False)
class Nonlinearity:
    """A function of every number that is no polynomial.

    Args:
        name: a key of `casemate.controls.homomorphic.activations.FUNCTIONS`.
        function: what it computes.
        repeat: how many numbers a channel has; they follow each other.
    """

    name: str
    function: Callable[[np.ndarray], np.ndarray]
    repeat: int = 1

    def __call__(self, values: np.ndarray) -> np.ndarray:
        """Return the function of every number."""
        return self.function(values)


Affine: TypeAlias = Linear | Convolution | Channelwise
DraftStep: TypeAlias = Affine | Polynomial | Nonlinearity


@dataclass(frozen=True, eq=False)
class Asked:
    """What is known of a network besides itself.

    Args:
        shape: the shape of one row: (features,), or (channels, height, width) for an image.
        rows: calibration rows, (n, features).
        answer: what its scores are; None where the network shall tell.
        classes: how many classes are named; 0 where none are.
    """

    shape: tuple[int, ...]
    rows: np.ndarray
    answer: AnswerKind | None = None
    classes: int = 0


@dataclass(frozen=True, eq=False)
class Draft:
    """What a model computes, before its functions are replaced and its numbers scaled.

    Args:
        shape: the shape of one row: (features,), or (channels, height, width) for an image.
        steps: from rows in their own units to the scores.
        answer: what the scores are.
        classes: the classes' names, by index; empty for numbers.
        reference: the model's own answers for rows (n, features), which the steps are held against: scores
            (n, outputs), or where the model does not tell them what `probabilities_of` makes of them.
        tells_scores: whether those are scores.
        slow: whether asking it takes so long that few rows must do.
        tolerance: how far, relative to the largest answer, the model's own arithmetic may be from float64.
        low, high: the range outside which the steps do not equal the model, (features,); None where there is none.
    """

    shape: tuple[int, ...]
    steps: tuple[DraftStep, ...]
    answer: AnswerKind
    classes: tuple[str, ...] = ()
    reference: Callable[[np.ndarray], np.ndarray] | None = None
    tells_scores: bool = True
    slow: bool = False
    tolerance: float = 1e-7
    low: np.ndarray | None = None
    high: np.ndarray | None = None

    @property
    def features(self) -> int:
        """Numbers of a row."""
        return int(np.prod(self.shape))

    @cached_property
    def outputs(self) -> int:
        """How many scores there are."""
        return int(self.scores(np.zeros((1, self.features))).shape[1])

    @property
    def nonlinear(self) -> tuple[Nonlinearity, ...]:
        """The functions that are no polynomials, in order."""
        return tuple(step for step in self.steps if isinstance(step, Nonlinearity))

    def scores(self, rows: np.ndarray) -> np.ndarray:
        """Return the scores (n, outputs) of rows (n, features) with the model's own functions."""
        for step in self.steps:
            rows = step(rows)
        return rows

    def ordered(self, codes: np.ndarray, names: Sequence[str]) -> Draft:
        """Return the draft with its scores in the order of labels.

        Args:
            codes: the label of each of the model's classes, in the model's own order.
            names: the name of each label.
        """
        classes = tuple(str(names[code]) for code in sorted(codes))
        order = np.argsort(codes)
        if self.answer == "number" or (order == np.arange(len(order))).all():
            return replace(self, classes=classes if self.answer != "number" else ())
        turn = -np.eye(1) if self.outputs == 1 else np.eye(self.outputs)[order]
        return replace(self, steps=(*self.steps, Linear(turn, np.zeros(self.outputs))), classes=classes, reference=None)

    def check(self, rows: np.ndarray) -> None:
        """Hold the steps against the model itself.

        Args:
            rows: in their own units, (n, features).

        Raises:
            ModelUnsupported: they disagree.
        """
        if self.reference is None:
            return
        rows = rows[: _FEW if self.slow else _MANY]
        scores = self.scores(rows)
        ours = scores if self.tells_scores else probabilities_of(self.answer, scores)
        theirs = self.reference(rows)
        if ours.shape == theirs.shape:
            apart = np.abs(ours - theirs).max(initial=0.0)
            if apart <= self.tolerance * max(1.0, float(np.abs(theirs).max(initial=0.0))):
                return
            found = f"they differ by {apart:.3g}"
        else:
            found = f"they have the shapes {ours.shape} and {theirs.shape}"
        raise ModelUnsupported(
            f"the steps that were read from the model do not give its answers: {found}",
            why="a program made of them would answer for another model",
            fix="give the model as a plain chain of layers; if it is one, report it to Casemate",
        )
