"""Circuits: what a model computes, as steps that ciphertexts allow: sums, products with known numbers, polynomials."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Literal, Protocol, TypeAlias

import numpy as np

from casemate.core.errors import NotFinite, OutOfRange, ShapeMismatch

AnswerKind = Literal["number", "binary", "multiclass", "margins", "shares"]
"""What scores are: numbers; the log-odds of class 1; one logit per class; margins, from which no probability follows,
one for class 1 of two or one per class; shares, such as a forest's: how much more of class 1 than of class 0, or one
per class."""

_CELLS = 1 << 23
"""Numbers that a convolution in the clear holds at once."""


@dataclass(frozen=True, eq=False)
class Linear:
    """A matrix and an offset.

    Args:
        weights: (outputs, inputs) float64.
        bias: (outputs,) float64.
    """

    weights: np.ndarray
    bias: np.ndarray

    def __call__(self, values: np.ndarray) -> np.ndarray:
        """Return (n, outputs) of values (n, inputs)."""
        return np.asarray(values @ self.weights.T + self.bias)

    @property
    def inputs(self) -> int:
        """How many numbers it takes."""
        return int(self.weights.shape[1])

    @property
    def outputs(self) -> int:
        """How many numbers it gives."""
        return int(self.weights.shape[0])


@dataclass(frozen=True, eq=False)
class Convolution:
    """A two-dimensional convolution over images, flattened channel first, row by row, on both sides.

    Args:
        kernels: (out channels, in channels, height, width) float64.
        bias: (out channels,) float64.
        image: (channels, height, width) of what comes in.
        stride: how far windows lie apart, down and across.
        padding: zeros around the image, down and across.
    """

    kernels: np.ndarray
    bias: np.ndarray
    image: tuple[int, int, int]
    stride: tuple[int, int] = (1, 1)
    padding: tuple[int, int] = (0, 0)

    @property
    def windows(self) -> tuple[int, int]:
        """How many windows there are, down and across."""
        (_, height, width), (_, _, down, across) = self.image, self.kernels.shape
        rows = (height + 2 * self.padding[0] - down) // self.stride[0] + 1
        return rows, (width + 2 * self.padding[1] - across) // self.stride[1] + 1

    @cached_property
    def taps(self) -> np.ndarray:
        """Which input each tap of each window reads, (in channels x height x width, windows) int64; -1 for padding."""
        channels, height, width = self.image
        _, _, down, across = self.kernels.shape
        c, i, j = (axis.ravel()[:, None] for axis in np.indices((channels, down, across)))
        y, x = (axis.ravel()[None] for axis in np.indices(self.windows))
        row, column = y * self.stride[0] + i - self.padding[0], x * self.stride[1] + j - self.padding[1]
        inside = (row >= 0) & (row < height) & (column >= 0) & (column < width)
        return np.asarray(np.where(inside, (c * height + row) * width + column, -1))

    @cached_property
    def linear(self) -> Linear:
        """The same as a matrix, most of whose entries are 0."""
        channels, windows = len(self.kernels), self.taps.shape[1]
        weights = np.zeros((channels, windows, int(np.prod(self.image))))
        tap, window = np.nonzero(self.taps >= 0)
        for channel, kernel in enumerate(self.kernels):
            np.add.at(weights[channel], (window, self.taps[tap, window]), kernel.ravel()[tap])
        return Linear(weights.reshape(channels * windows, -1), np.repeat(self.bias, windows))

    def __call__(self, values: np.ndarray) -> np.ndarray:
        """Return (n, out channels x windows) of values (n, channels x height x width)."""
        kernels = self.kernels.reshape(len(self.kernels), -1)
        padded = np.concatenate([values, np.zeros((len(values), 1))], axis=1)  # a tap of -1 reads the last column
        rows = max(1, _CELLS // self.taps.size)
        parts = [kernels @ padded[start : start + rows, self.taps] for start in range(0, len(padded), rows)]
        shaped = np.concatenate([np.empty((0, len(kernels), self.taps.shape[1])), *parts])
        return np.asarray((shaped + self.bias[:, None]).reshape(len(values), -1))

    @property
    def inputs(self) -> int:
        """How many numbers it takes."""
        return int(np.prod(self.image))

    @property
    def outputs(self) -> int:
        """How many numbers it gives."""
        return len(self.kernels) * int(self.taps.shape[1])


@dataclass(frozen=True, eq=False)
class Polynomial:
    """The same polynomial for every number.

    Args:
        coefficients: ascending, (degree + 1,) float64, degree at least 2.
        interval: where it stands for what it replaces; None where it is exact everywhere.
        replaces: what it stands for, such as "relu"; empty where it is the model's own.
    """

    coefficients: np.ndarray
    interval: tuple[float, float] | None = None
    replaces: str = ""

    @property
    def degree(self) -> int:
        """The highest power."""
        return len(self.coefficients) - 1

    def __call__(self, values: np.ndarray) -> np.ndarray:
        """Return the polynomial of every number."""
        return np.asarray(np.polynomial.polynomial.polyval(values, self.coefficients))


Step: TypeAlias = Linear | Convolution | Polynomial


class Preparation(Protocol):
    """What the client does with a row before it encrypts it."""

    @property
    def features(self) -> int:
        """Columns of a row."""
        ...

    @property
    def width(self) -> int:
        """Numbers to encrypt."""
        ...

    def __call__(self, rows: np.ndarray) -> np.ndarray:
        """Return the numbers to encrypt, (n, width), of rows (n, features).

        Raises:
            ShapeMismatch, NotFinite, OutOfRange: rows that the program was not made for.
        """
        ...


@dataclass(frozen=True, eq=False)
class Scaled:
    """Every feature shifted and divided; refused outside the range that it was calibrated on.

    Args:
        shift, divisor: (features,) float64.
        low, high: the range of each feature, (features,) float64.
    """

    shift: np.ndarray
    divisor: np.ndarray
    low: np.ndarray
    high: np.ndarray

    @property
    def features(self) -> int:
        """Columns of a row."""
        return len(self.shift)

    @property
    def width(self) -> int:
        """Numbers to encrypt."""
        return len(self.shift)

    def __call__(self, rows: np.ndarray) -> np.ndarray:
        """Return the numbers to encrypt; see `Preparation`."""
        rows = checked_rows(rows, self.features)
        outside = (rows < self.low) | (rows > self.high)
        if outside.any():
            row, feature = np.argwhere(outside)[0].tolist()
            raise OutOfRange(
                f"feature {feature} is {rows[row, feature]:g}, outside {self.low[feature]:g} to {self.high[feature]:g}",
                where=f"row {row + 1}, feature {feature}",
                why="the program was calibrated on that range; beyond it, its answer might silently be wrong",
                fix="clip the value, or compile again with calibration rows that hold such values",
            )
        return np.asarray((rows - self.shift) / self.divisor)


@dataclass(frozen=True, eq=False)
class Thermometer:
    """For every threshold of every feature one bit: whether the value is at most the threshold.

    Args:
        features: columns of a row.
        of: the feature of each threshold, (bits,) int64.
        thresholds: (bits,) float64.
    """

    features: int
    of: np.ndarray
    thresholds: np.ndarray

    @property
    def width(self) -> int:
        """Numbers to encrypt."""
        return len(self.of)

    def __call__(self, rows: np.ndarray) -> np.ndarray:
        """Return the bits to encrypt, as 0.0 and 1.0; see `Preparation`."""
        rows = checked_rows(rows, self.features)
        return (rows[:, self.of] <= self.thresholds).astype(np.float64)


def checked_rows(rows: np.ndarray, features: int) -> np.ndarray:
    """Return rows as float64, (n, features).

    Raises:
        ShapeMismatch: another number of columns.
        NotFinite: NaN or infinite values.
    """
    rows = np.asarray(rows, dtype=np.float64)
    if rows.ndim != 2 or rows.shape[1] != features:
        raise ShapeMismatch(f"rows of shape {rows.shape}, where (n, {features}) is expected")
    if not np.isfinite(rows).all():
        row, feature = np.argwhere(~np.isfinite(rows))[0].tolist()
        raise NotFinite(
            f"feature {feature} is {rows[row, feature]}",
            where=f"row {row + 1}, feature {feature}",
            fix="fill or drop what is missing before it is encrypted",
        )
    return rows


@dataclass(frozen=True, eq=False)
class Circuit:
    """A model as steps on ciphertexts, with what the client does before and after.

    Args:
        preparation: from rows to the numbers that are encrypted.
        steps: from those to the scores; linear ones and polynomials take turns, the first and the last are linear.
        answer: what the scores are; see `AnswerKind`.
        classes: the classes' names, by index; empty for numbers.
        semantics: in one sentence, in what sense its scores equal the model's.
    """

    preparation: Preparation
    steps: tuple[Step, ...]
    answer: AnswerKind
    classes: tuple[str, ...] = ()
    semantics: str = ""

    @property
    def outputs(self) -> int:
        """How many scores there are."""
        last = self.steps[-1]
        assert isinstance(last, Linear | Convolution)
        return last.outputs

    def scores(self, rows: np.ndarray) -> np.ndarray:
        """Return the scores of rows in the clear, (n, outputs): what the encrypted computation must equal."""
        values = self.preparation(rows)
        for step in self.steps:
            values = step(values)
        return values

    def decide(self, scores: np.ndarray) -> np.ndarray:
        """Return the class of each row by its scores, (n,) int64; see `decided`."""
        return decided(scores)

    def probabilities(self, scores: np.ndarray) -> np.ndarray:
        """Return what the client makes of scores; see `probabilities_of`."""
        return probabilities_of(self.answer, scores)


def decided(scores: np.ndarray) -> np.ndarray:
    """Return the class of each row by its scores (n, outputs), (n,) int64: class 1 above 0, or the largest score."""
    if scores.shape[1] == 1:
        return (scores[:, 0] > 0).astype(np.int64)
    return np.asarray(scores.argmax(axis=1), dtype=np.int64)


def probabilities_of(answer: AnswerKind, scores: np.ndarray) -> np.ndarray:
    """Return what the client makes of scores (n, outputs): (n, classes), or the numbers as they are.

    Logistic of log-odds, softmax of logits, shares as they are; of margins, from which no probability follows, 1 for
    the class that they decide for and 0 for the others.
    """
    if answer == "number":
        return scores
    if answer == "margins":
        return np.asarray(np.eye(max(2, scores.shape[1]))[decided(scores)])
    if answer == "binary":
        with np.errstate(over="ignore"):
            high = 1 / (1 + np.exp(-scores[:, 0]))
        return np.stack([1 - high, high], axis=1)
    if answer == "multiclass":
        raised = np.exp(scores - scores.max(axis=1, keepdims=True))
        return np.asarray(raised / raised.sum(axis=1, keepdims=True))
    if scores.shape[1] == 1:
        return np.stack([1 - scores[:, 0], 1 + scores[:, 0]], axis=1) / 2
    return scores
