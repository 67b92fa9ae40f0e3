"""Scales: how finely the inputs and weights of an encrypted linear layer are rounded, and what error that makes.

An answer errs by the errors of encryption, which the weights multiply; by the rounding of inputs and weights; by the
errors of the encryption of zero that hides the weights; and by flooding noise. Finer inputs make the first smaller,
finer weights the second; their product is bounded by the modulus, for an answer must never wrap around it.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from casemate.controls.homomorphic.circuits import Linear
from casemate.controls.homomorphic.errors_sampling import MOST_FLOODING_BITS, error_bound
from casemate.core.errors import NotFinite, OutOfRange, ShapeMismatch

_FINEST = 50
_TINY = 2.0**-30
_SLACK = 1e-8
"""What is left of the modulus for rounding in float64, and for inputs that lie beside their range by a hair."""

_STEP = 2**0.25


@dataclass(frozen=True, eq=False)
class Ranges:
    """What every number that is encrypted lies between.

    Args:
        low, high: (inputs,) float64.

    Raises:
        ShapeMismatch, NotFinite, OutOfRange: bounds that bound nothing.
    """

    low: np.ndarray
    high: np.ndarray

    def __post_init__(self) -> None:
        if self.low.shape != self.high.shape or self.low.ndim != 1:
            raise ShapeMismatch(f"bounds of shapes {self.low.shape} and {self.high.shape}")
        if not (np.isfinite(self.low).all() and np.isfinite(self.high).all()):
            raise NotFinite("a bound of the inputs is not a finite number", fix="clip the features, or calibrate again")
        if (self.low > self.high).any():
            raise OutOfRange("a lower bound of the inputs lies above the upper one")

    @property
    def centre(self) -> np.ndarray:
        """What is taken from every input before it is encrypted, (inputs,)."""
        return np.asarray((self.low + self.high) / 2)

    @property
    def half(self) -> np.ndarray:
        """How far an input lies from the centre at most, (inputs,)."""
        return np.asarray(np.maximum(self.high - self.centre, self.centre - self.low))


@dataclass(frozen=True)
class Room:
    """What whole numbers an encrypted linear layer can be computed with.

    Args:
        modulus: what answers are modulo.
        degree: of the polynomials.
        drowned: by how many bits flooding noise exceeds the errors of encryption; 0 for no flooding.
        fits: whether such weights, whole numbers in float64, can be computed with.
    """

    modulus: int
    degree: int
    drowned: int
    fits: Callable[[np.ndarray], bool]


@dataclass(frozen=True, eq=False)
class Rounded:
    """A linear layer in whole numbers.

    Args:
        weights: (outputs, inputs) int64.
        bias: at the scale of the answers, with what the centre of the inputs gives.
        input_scale, weight_scale: what inputs and weights were multiplied with.
        flooding_bits: flooding noise is at most 2^bits in size; 0 for none.
        error: what no answer errs by more than, but for a probability of 2^-64, (outputs,) float64.
    """

    weights: np.ndarray
    bias: tuple[int, ...]
    input_scale: float
    weight_scale: float
    flooding_bits: int
    error: np.ndarray

    @property
    def scale(self) -> float:
        """What answers were multiplied with."""
        return self.input_scale * self.weight_scale


def rounded(linear: Linear, ranges: Ranges, spread: np.ndarray, room: Room) -> Rounded:
    """Return the layer rounded so that its answers err least, and never wrap around the modulus.

    Args:
        linear: the layer.
        ranges: of its inputs.
        spread: sum of the squares of the weights that the errors of encryption meet in each answer, (outputs,).
        room: for whole numbers.

    Raises:
        OutOfRange: the modulus is too small for answers of that size.
        ShapeMismatch: bounds for another number of inputs.
    """
    if linear.inputs != len(ranges.low):
        raise ShapeMismatch(f"{linear.inputs} inputs with bounds for {len(ranges.low)}")
    if not (np.isfinite(linear.weights).all() and np.isfinite(linear.bias).all()):
        raise NotFinite("a weight of the layer is not a finite number")
    largest = float((np.abs(linear.weights) @ ranges.half + np.abs(_offset(linear, ranges))).max())
    half = room.modulus / 2 * (1 - _SLACK) - 1
    finest = _FINEST - math.ceil(math.log2(max(float(ranges.half.max()), 1.0)))
    best: Rounded | None = None
    weight_scale = math.inf
    for exponent in range(finest + 1):
        inputs = 2.0**exponent
        weight_scale = min(weight_scale, room.modulus / 2 / max(largest, _TINY) / inputs)
        while weight_scale > 1 and not room.fits(np.rint(linear.weights * weight_scale)):
            weight_scale /= _STEP
        made = _made(linear, ranges, inputs, weight_scale, spread, room)
        while made is not None and (largest + made.error.max()) * made.scale > half:
            weight_scale /= _STEP
            made = _made(linear, ranges, inputs, weight_scale, spread, room)
        if made is not None and (best is None or made.error.max() < best.error.max()):
            best = made
    if best is None:
        raise OutOfRange(
            f"answers of up to {largest:g} do not fit a modulus of {room.modulus.bit_length()} bits",
            fix="larger primes, narrower ranges of the features, or fewer bits of flooding",
        )
    return best


def _offset(linear: Linear, ranges: Ranges) -> np.ndarray:
    return np.asarray(linear.bias + linear.weights @ ranges.centre)


def _made(
    linear: Linear, ranges: Ranges, input_scale: float, weight_scale: float, spread: np.ndarray, room: Room
) -> Rounded | None:
    """The layer at these scales; None where the weights would vanish, or the flooding be too large."""
    scale = input_scale * weight_scale
    met = np.sqrt(spread) * weight_scale * error_bound(1)
    bits = max(1, math.ceil(math.log2(max(1.0, float(met.max()))))) + room.drowned if room.drowned else 0
    if weight_scale < 1 or scale < 1 or bits > MOST_FLOODING_BITS:
        return None
    whole = np.rint(linear.weights * weight_scale)
    noise = met + error_bound(2 * room.degree + 1) + (2.0**bits if bits else 0) + 1
    coarse = np.abs(whole / weight_scale - linear.weights) @ ranges.half
    inexact = np.abs(whole).sum(axis=1) / 2 / scale
    bias = tuple(round(value * scale) for value in _offset(linear, ranges).tolist())
    return Rounded(whole.astype(np.int64), bias, input_scale, weight_scale, bits, noise / scale + coarse + inexact)
