"""Layers: a network written down as the steps of a draft, whichever library it comes from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from casemate.controls.homomorphic.activations import FUNCTIONS
from casemate.controls.homomorphic.circuits import Convolution, Linear, Polynomial
from casemate.controls.homomorphic.drafts import Channelwise, DraftStep, Nonlinearity
from casemate.controls.homomorphic.kernels import Pads, dilated, even, ungrouped
from casemate.controls.homomorphic.refusals import refused

MOST_DEGREE = 8
"""The highest power that a network's own polynomials may have."""


@dataclass(frozen=True, eq=False)
class Value:
    """A polynomial of every number that the steps so far give: ``a + b x + c x * x`` until something else follows.

    Args:
        settled: how many times `Layers` had settled when it was made; older values are gone.
        coefficients: ascending; each a number, or an array of the shape of one row.
    """

    settled: int
    coefficients: tuple[np.ndarray, ...]


class Layers:
    """The steps so far, and the shape of what they give for one row.

    Args:
        shape: of one row: (features,), or (channels, height, width).
    """

    def __init__(self, shape: tuple[int, ...]) -> None:
        self.shape = shape
        self.steps: list[DraftStep] = []
        self.ending: Literal["softmax", "log-softmax", "sigmoid", ""] = ""
        self._settled = 0

    @property
    def here(self) -> Value:
        """What the steps so far give."""
        return Value(self._settled, (np.zeros(()), np.ones(())))

    @property
    def size(self) -> int:
        """Numbers of one row."""
        return int(np.prod(self.shape))

    @property
    def _repeat(self) -> int:
        return int(np.prod(self.shape[1:]))

    def add(self, first: Value, second: Value | np.ndarray, where: str) -> Value:
        """Return a sum; of two values, or of a value and a known array.

        Raises:
            ModelUnsupported: the two come from different places, as with a connection that skips layers.
        """
        a, b = self._both(first, second, where)
        length = max(len(a), len(b))
        a, b = (c + (np.zeros(()),) * (length - len(c)) for c in (a, b))
        return Value(self._settled, tuple(x + y for x, y in zip(a, b, strict=True)))

    def multiply(self, first: Value, second: Value | np.ndarray, where: str) -> Value:
        """Return a product; of two values, or of a value and a known array.

        Raises:
            ModelUnsupported: the two come from different places.
        """
        a, b = self._both(first, second, where)
        if len(a) + len(b) > 3 and any(x.ndim for x in (*a, *b)):  # channels differ: a step before the square
            if first is not second:
                raise refused("a polynomial that differs between channels", where)
            self.settle(first, where)
            a = b = self.here.coefficients
        out = [np.zeros(())] * (len(a) + len(b) - 1)
        for i, x in enumerate(a):
            for j, y in enumerate(b):
                out[i + j] = out[i + j] + x * y
        return Value(self._settled, tuple(out))

    def power(self, value: Value, exponent: float, where: str) -> Value:
        """Return a power; whole exponents from 1 to `MOST_DEGREE`.

        Raises:
            ModelUnsupported: another exponent.
        """
        if exponent != int(exponent) or not 1 <= exponent <= MOST_DEGREE:
            raise refused(f"the power {exponent:g}", where, fix=f"use a whole exponent from 1 to {MOST_DEGREE}")
        if exponent > 1 and any(x.ndim for x in value.coefficients):
            value = self.settle(value, where)
        out = value
        for _ in range(int(exponent) - 1):
            out = self.multiply(out, value, where)
        return out

    def settle(self, value: Value, where: str) -> Value:
        """Make a value what the steps give, and return it.

        Raises:
            ModelUnsupported: it is gone, or a polynomial that differs between channels.
        """
        self._check(where, value)
        coefficients = value.coefficients
        while len(coefficients) > 2 and not coefficients[-1].any():
            coefficients = coefficients[:-1]
        if len(coefficients) > 2:
            if any(x.ndim for x in coefficients):
                raise refused("a polynomial that differs between channels", where)
            if len(coefficients) > MOST_DEGREE + 1:
                raise refused(
                    f"a polynomial of degree {len(coefficients) - 1}", where, fix=f"use degrees up to {MOST_DEGREE}"
                )
            self._took(Polynomial(np.array([float(x) for x in coefficients])))
        elif (coefficients[0] != 0).any() or (coefficients[1] != 1).any():
            offset, scale = (np.broadcast_to(x, self.shape) for x in coefficients)
            self._took(self._channels(scale, offset))
        return self.here

    def linear(self, value: Value, weights: np.ndarray, bias: np.ndarray | None, where: str) -> Value:
        """Return a matrix times a value, weights (outputs, inputs), and a constant (outputs,).

        Raises:
            ModelUnsupported: rows are no vectors of so many numbers.
        """
        self.settle(value, where)
        if self.shape != (weights.shape[1],):
            raise refused(
                "a linear layer over one axis of several",
                where,
                why=f"it takes {weights.shape[1]} numbers, where a row has the shape {self.shape}",
                fix="flatten what comes in",
            )
        self._took(Linear(weights, np.zeros(len(weights)) if bias is None else bias), (len(weights),))
        return self.here

    def convolution(
        self,
        value: Value,
        kernels: np.ndarray,
        bias: np.ndarray | None,
        where: str,
        *,
        stride: tuple[int, int] = (1, 1),
        pads: Pads = (0, 0, 0, 0),
        dilation: tuple[int, int] = (1, 1),
        groups: int = 1,
    ) -> Value:
        """Return a convolution, kernels (out channels, in channels / groups, height, width), bias (out channels,).

        Raises:
            ModelUnsupported: rows are no images.
        """
        self.settle(value, where)
        if len(self.shape) != 3 or kernels.ndim != 4:
            raise refused("a convolution over other than two axes", where, fix="use two-dimensional convolutions")
        kernels = ungrouped(dilated(kernels, dilation), groups)
        kernels, padding = even(kernels, pads)
        offset = np.zeros(len(kernels)) if bias is None else bias
        channels, height, width = self.shape
        step = Convolution(kernels, offset, (channels, height, width), stride, padding)
        self._took(step, (len(kernels), *step.windows))
        return self.here

    def average_pool(
        self,
        value: Value,
        kernel: tuple[int, int],
        where: str,
        *,
        stride: tuple[int, int],
        pads: Pads = (0, 0, 0, 0),
        count_pads: bool = True,
        divisor: float | None = None,
    ) -> Value:
        """Return the means of windows.

        Args:
            count_pads: whether the padding counts among the numbers of a window.
            divisor: what sums are divided by in place of their count.

        Raises:
            ModelUnsupported: rows are no images.
        """
        self.settle(value, where)
        if len(self.shape) != 3:
            raise refused("a pool over other than two axes", where, fix="use two-dimensional pools")
        channels = self.shape[0]
        kernels = np.eye(channels)[:, :, None, None] * np.ones(kernel) / (divisor or np.prod(kernel))
        out = self.convolution(self.here, kernels, None, where, stride=stride, pads=pads)
        if count_pads or divisor or not any(pads):
            return out
        step = self.steps[-1]
        assert isinstance(step, Convolution)
        share = step(np.ones((1, step.inputs)))[0].reshape(self.shape)
        return self.multiply(out, 1 / share, where)

    def nonlinear(self, value: Value, name: str, where: str) -> Value:
        """Return a function of every number; ``name`` is a key of `activations.FUNCTIONS`."""
        self.settle(value, where)
        self._took(Nonlinearity(name, FUNCTIONS[name], self._repeat))
        return self.here

    def polynomial(self, value: Value, coefficients: np.ndarray, where: str) -> Value:
        """Return a polynomial of every number, given its ascending coefficients, (degree + 1,)."""
        self.settle(value, where)
        return Value(self._settled, tuple(np.asarray(x, np.float64) for x in coefficients))

    def softmax(self, value: Value, name: Literal["softmax", "log-softmax"], where: str) -> Value:
        """Note that a softmax over all numbers of a row comes last; the client computes it.

        Raises:
            ModelUnsupported: rows are no vectors.
        """
        self.settle(value, where)
        if len(self.shape) != 1 or self.ending:
            raise refused("softmax", where)
        self.ending = name
        return self.here

    def reshape(self, value: Value, shape: tuple[int, ...], where: str) -> Value:
        """Return a value whose rows have another shape; their numbers stay in order.

        Raises:
            ModelUnsupported: numbers would cross from one row to another.
        """
        self.settle(value, where)
        if int(np.prod(shape)) != self.size:
            raise refused(f"a reshape from rows of shape {self.shape} to {shape}", where, fix="keep rows apart")
        self.shape = shape
        self._settled += 1
        return self.here

    def _channels(self, scale: np.ndarray, offset: np.ndarray) -> Channelwise:
        """Channels as long as one factor and one shift hold for them."""
        if not self.shape:
            return Channelwise(np.reshape(scale, 1), np.reshape(offset, 1))
        scales, offsets = (np.asarray(x, np.float64).reshape((*self.shape[:1], -1)) for x in (scale, offset))
        if (scales == scales[:, :1]).all() and (offsets == offsets[:, :1]).all():
            return Channelwise(scales[:, 0], offsets[:, 0], self._repeat)
        return Channelwise(scales.ravel(), offsets.ravel())

    def _both(
        self, first: Value, second: Value | np.ndarray, where: str
    ) -> tuple[tuple[np.ndarray, ...], tuple[np.ndarray, ...]]:
        if isinstance(second, Value):
            self._check(where, first, second)
            return first.coefficients, second.coefficients
        self._check(where, first)
        return first.coefficients, (self._row(second, where),)

    def _row(self, constant: np.ndarray, where: str) -> np.ndarray:
        """A constant that is the same for every row, as a number or an array of the shape of one."""
        array = np.asarray(constant, np.float64)
        if array.size == 1:
            return array.reshape(())
        array = array[0] if array.ndim == len(self.shape) + 1 and len(array) == 1 else array
        try:
            return np.broadcast_to(array, self.shape)
        except ValueError as error:
            raise refused(f"a constant of shape {array.shape} for rows of shape {self.shape}", where) from error

    def _check(self, where: str, *values: Value) -> None:
        if any(value.settled != self._settled for value in values):
            raise refused(
                "a branch",
                where,
                why="steps must follow each other, and this uses what an earlier one gave",
                fix="use a chain of layers, without connections that skip some",
            )

    def _took(self, step: DraftStep, shape: Sequence[int] | None = None) -> None:
        if self.ending:
            raise refused("softmax", f"the step before {type(step).__name__.lower()}")
        self.steps.append(step)
        self.shape = self.shape if shape is None else tuple(shape)
        self._settled += 1
