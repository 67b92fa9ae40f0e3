"""Activations: the functions that networks use between layers, and polynomials in their place.

Three ways to choose a polynomial of a degree on an interval: least squares, weighted by where the calibration rows lie;
the least largest error (`casemate.controls.homomorphic.remez`); and interpolation at Chebyshev's points. Intervals come
from the calibration rows. A polynomial is the same for every number of a step, but what goes in and what comes out may
be multiplied and shifted channel by channel at no cost, for linear steps before and after do that. So each channel has
an interval of its own where the function allows it: always for squares, which take in every quadratic polynomial, and
for ReLU, which is the same at every size.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.polynomial import chebyshev
from scipy.special import erf, expit

from casemate.controls.homomorphic.circuits import Polynomial
from casemate.controls.homomorphic.drafts import Channelwise, Nonlinearity
from casemate.controls.homomorphic.remez import Function, minimax

Method = Literal["least-squares", "minimax", "chebyshev"]
METHODS: tuple[Method, ...] = ("least-squares", "minimax", "chebyshev")

FUNCTIONS: Mapping[str, Function] = {
    "relu": lambda x: np.maximum(x, 0.0),
    "sigmoid": expit,
    "tanh": np.tanh,
    "gelu": lambda x: 0.5 * x * (1 + erf(x / np.sqrt(2))),
    "gelu-tanh": lambda x: 0.5 * x * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3))),
    "silu": lambda x: x * expit(x),
}
"""What can be replaced, by name."""

_SAME_AT_EVERY_SIZE = ("relu",)
_EVENLY = 0.1
"""Weight of the whole interval beside the rows in least squares, so that nothing runs wild in the margin."""
_FURTHEST = 8.0
"""How many half widths the vertex of a parabola may lie from the middle of its interval: squares must stay small."""
_SAMPLES = 100_000
_NOTHING = 1e-7
"""A coefficient that is left out, relative to the largest."""
_LEAST_WIDTH = 1e-6
"""Half width below which a channel counts as constant, relative to the widest."""


@dataclass(frozen=True, eq=False)
class Replacement:
    """A polynomial in the place of a function: channels scaled before, the polynomial, channels scaled after.

    Args:
        before, after: what channels are multiplied with and shifted by.
        polynomial: of numbers in [-1, 1], or for squares some way around it.
        method: how it was chosen.
    """

    before: Channelwise
    polynomial: Polynomial
    after: Channelwise
    method: Method

    def __call__(self, values: np.ndarray) -> np.ndarray:
        """Return what stands for the function of values (n, channels x repeat)."""
        return self.after(self.polynomial(self.before(values)))

    @property
    def steps(self) -> tuple[Channelwise, Polynomial, Channelwise]:
        """The same as steps of a draft."""
        return self.before, self.polynomial, self.after


def replacement(
    of: Nonlinearity, values: np.ndarray, degree: int, method: Method, *, margin: float, offsets: bool
) -> Replacement:
    """Return a polynomial in the place of a function.

    Args:
        of: the function, and how long its channels are.
        values: what comes in for the calibration rows, (n, channels x repeat).
        degree: of the polynomial, at least 2.
        method: how it is chosen.
        margin: how much wider than the values the intervals are at each end, as a share of their width.
        offsets: whether what follows takes a shift of its own for each channel.
    """
    rows = values[:: -(-len(values) * of.repeat // _SAMPLES)] if degree == 2 else values
    channels = np.moveaxis(rows.reshape(len(rows), -1, of.repeat), 1, 0).reshape(-1, len(rows) * of.repeat)
    wide = values.reshape(len(values), -1, of.repeat)
    low, high = wide.min(axis=(0, 2)), wide.max(axis=(0, 2))
    low, high = low - margin * (high - low), high + margin * (high - low)
    if degree == 2 and offsets:
        return _parabolas(of, channels, low, high, method)
    if of.name in _SAME_AT_EVERY_SIZE:
        size = np.maximum(np.abs(low), np.abs(high))
        size = np.maximum(size, _LEAST_WIDTH * size.max() or 1.0)
        inside = _thinned(channels / size[:, None])
        core, zero = _polynomial(of.function, degree, method, inside), np.zeros(len(size))
        before, after = Channelwise(1 / size, zero, of.repeat), Channelwise(size, zero, of.repeat)
    else:
        middle, half = (low.min() + high.max()) / 2, max((high.max() - low.min()) / 2, 1e-9)
        core = _polynomial(lambda t: of.function(middle + half * t), degree, method, _thinned(channels - middle) / half)
        ones = np.ones(len(low))
        before = Channelwise(ones / half, -ones * middle / half, of.repeat)
        after = Channelwise(ones, 0 * ones, of.repeat)
    return Replacement(before, Polynomial(core, (-1.0, 1.0), of.name), after, method)


def fitted(function: Function, degree: int, method: Method, samples: np.ndarray) -> np.ndarray:
    """Return the coefficients in Chebyshev polynomials, (degree + 1,), of a polynomial near a function on [-1, 1].

    Args:
        samples: where the numbers lie that it will be asked for; only least squares look at them.
    """
    if method == "minimax":
        return minimax(function, degree)[0]
    if method == "chebyshev":
        points = chebyshev.chebpts1(degree + 1)
        return np.asarray(np.linalg.solve(chebyshev.chebvander(points, degree), function(points)))
    even = -np.cos(np.pi * (np.arange(257) + 0.5) / 257)
    parts = ((samples, 1.0), (even, _EVENLY))
    roots = [np.sqrt(weight / len(points)) for points, weight in parts]
    system = np.concatenate([r * chebyshev.chebvander(x, degree) for r, (x, _) in zip(roots, parts, strict=True)])
    wanted = np.concatenate([r * function(x) for r, (x, _) in zip(roots, parts, strict=True)])
    return np.asarray(np.linalg.lstsq(system, wanted, rcond=None)[0])


def _polynomial(function: Function, degree: int, method: Method, samples: np.ndarray) -> np.ndarray:
    """Ascending coefficients; of a lower degree, 2 at least, where the highest powers do nothing."""
    found = chebyshev.cheb2poly(fitted(function, degree, method, samples))
    found = np.pad(found, (0, degree + 1 - len(found)))  # the conversion drops zeros at the end
    found[np.abs(found) <= _NOTHING * np.abs(found).max()] = 0.0  # too small to be encoded
    kept = np.flatnonzero(found)
    return np.asarray(found[: max(3, kept.max(initial=0) + 1)])


def _parabolas(
    of: Nonlinearity, channels: np.ndarray, low: np.ndarray, high: np.ndarray, method: Method
) -> Replacement:
    """A parabola of its own for each channel, as a square between shifted and multiplied channels."""
    middle, half = (low + high) / 2, (high - low) / 2
    half = np.maximum(half, _LEAST_WIDTH * half.max() or 1.0)
    found = []
    for values, m, h in zip(channels, middle, half, strict=True):
        found.append(_parabola(lambda t, m=m, h=h: of.function(m + h * t), method, (values - m) / h))  # type: ignore[misc]
    constant, slope, bend = np.array(found).T
    vertex = np.divide(slope, 2 * bend, out=np.zeros_like(bend), where=bend != 0)
    before = Channelwise(1 / half, vertex - middle / half, of.repeat)
    after = Channelwise(bend, constant - bend * vertex**2, of.repeat)
    reach = 1 + float(np.abs(vertex).max())
    return Replacement(before, Polynomial(np.array([0.0, 0.0, 1.0]), (-reach, reach), of.name), after, method)


def _parabola(function: Function, method: Method, samples: np.ndarray) -> np.ndarray:
    """Ascending coefficients of a parabola on [-1, 1]; bent enough for its vertex to lie near the interval."""
    found = np.zeros(3)
    fit = chebyshev.cheb2poly(fitted(function, 2, method, samples))
    found[: len(fit)] = fit
    least = abs(found[1]) / (2 * _FURTHEST)
    if abs(found[2]) >= least or least < 1e-9 * np.abs(found).max():
        return found if abs(found[2]) > 1e-12 * np.abs(found).max(initial=1e-300) else found * [1, 0, 0]
    bend = least if found[2] >= 0 else -least
    line = chebyshev.cheb2poly(fitted(lambda t: function(t) - bend * t**2, 1, method, samples))
    return np.concatenate([np.pad(line, (0, 2 - len(line))), [bend]])


def _thinned(values: np.ndarray) -> np.ndarray:
    flat = values.ravel()
    return np.asarray(flat[:: -(-len(flat) // _SAMPLES)])
