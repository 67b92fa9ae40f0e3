"""Folding: what a polynomial can leave to the linear steps beside it, which do it at no cost.

A polynomial's leading coefficient and its constant go into the next step, and the shift that takes away its second
highest power into the one before. So every parabola becomes a square, which costs one level of the chain instead of
two, and a cubic ``x * (x * x + a)``, which costs two instead of three.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.polynomial import polynomial

from casemate.controls.homomorphic.circuits import Circuit, Convolution, Linear, Polynomial, Step
from casemate.controls.homomorphic.drafts import Affine, Channelwise
from casemate.controls.homomorphic.merging import circuit_steps, takes_offsets

_FURTHEST = 16.0
"""How many half widths of its interval a polynomial may be shifted: values must stay small."""
_LARGEST = 16.0
"""The largest coefficient of a polynomial that was divided by its leading one."""
_NOTHING = 1e-12
"""A coefficient that does nothing, relative to the largest."""
_LEAST_PEAK = 1e-3
"""The least size to which a channel is scaled, relative to the largest."""


def folded(circuit: Circuit) -> Circuit:
    """Return a circuit with the same scores, whose polynomials have a leading coefficient of 1 and fewer powers.

    Their second highest power and their constant are 0, where a shift and a constant can go to the steps beside them:
    not where padding follows, which is 0 whatever is added to what comes in, nor where numbers would grow too large.
    Polynomials that are straight lines become part of the steps beside them.
    """
    steps: list[Affine | Polynomial] = []
    for at, step in enumerate(circuit.steps):
        if not isinstance(step, Polynomial):
            steps.append(step)
            continue
        width, following = _width(circuit.steps[at - 1]), circuit.steps[at + 1]
        steps += _folded(step, width, takes_offsets(following))
    return replace(circuit, steps=circuit_steps(steps, circuit.preparation.width))


def balanced(circuit: Circuit, rows: np.ndarray) -> Circuit:
    """Return a circuit with the same scores, in which every channel that is squared reaches up to 1 or -1.

    Noise in a ciphertext is as large in every slot, and so numbers should be too. Where other polynomials follow,
    channels must be scaled alike; there the largest reaches 1, if it was larger.

    Args:
        circuit: folded.
        rows: calibration rows, (n, features).
    """
    values = circuit.preparation(rows)
    steps: list[Affine | Polynomial] = []
    for at, step in enumerate(circuit.steps):
        if isinstance(step, Polynomial):
            repeat = _repeat(circuit.steps[at - 1], circuit.steps[at + 1])
            steps += _balanced(step, np.abs(values).reshape(len(values), -1, repeat).max(axis=(0, 2)), repeat)
        else:
            steps.append(step)
        values = step(values)
    return replace(circuit, steps=circuit_steps(steps, circuit.preparation.width))


def _balanced(step: Polynomial, peaks: np.ndarray, repeat: int) -> list[Affine | Polynomial]:
    """A polynomial between channels that are scaled, given the largest size of each, (channels,)."""
    largest = float(peaks.max())
    if not _is_square(step):
        peaks = np.full(len(peaks), max(largest, 1.0))
    elif largest:
        peaks = np.maximum(peaks, _LEAST_PEAK * largest)
    else:
        peaks = np.ones(len(peaks))
    largest, zeros = float(peaks.max()), np.zeros(len(peaks))
    core = step.coefficients * largest ** (np.arange(len(step.coefficients)) - step.degree)
    within = None if step.interval is None else (step.interval[0] / largest, step.interval[1] / largest)
    return [
        Channelwise(1 / peaks, zeros, repeat),
        Polynomial(core, within, step.replaces),
        Channelwise(peaks**step.degree, zeros, repeat),
    ]


def _folded(step: Polynomial, width: int, free: bool) -> list[Affine | Polynomial]:
    """A polynomial between channels that are scaled and shifted."""
    coefficients = step.coefficients
    while len(coefficients) > 1 and abs(coefficients[-1]) <= _NOTHING * np.abs(coefficients).max():
        coefficients = coefficients[:-1]
    if len(coefficients) <= 2:
        constant, slope = (*coefficients, 0.0)[:2]
        return [_same(width, slope, constant)]
    low, high = step.interval or (-1.0, 1.0)
    shift = coefficients[-2] / (len(coefficients) - 1) / coefficients[-1]
    if abs((low + high) / 2 + shift) > _FURTHEST * (high - low) / 2:
        shift = 0.0
    moved = _moved(coefficients, shift)
    leading, constant = moved[-1], moved[0] if free else 0.0
    moved = moved - np.eye(len(moved))[0] * constant
    ratios = moved[1:-1] / leading
    powers = np.arange(len(moved) - 2, 0, -1)
    size = float(np.min((_LARGEST / np.maximum(np.abs(ratios), _LARGEST)) ** (1 / powers), initial=1.0))
    within = None if step.interval is None else ((low + shift) * size, (high + shift) * size)
    degrees = np.arange(len(moved))
    core = moved / size ** (degrees - degrees[-1]) / leading
    core[np.abs(core) <= _NOTHING * np.abs(core).max()] = 0.0  # what rounding left of nothing
    core[-1] = 1.0
    polynomial_ = Polynomial(core, within, step.replaces)
    return [_same(width, size, shift * size), polynomial_, _same(width, leading / size ** degrees[-1], constant)]


def _moved(coefficients: np.ndarray, shift: float) -> np.ndarray:
    """The polynomial of ``x - shift``, without the power that the shift takes away."""
    if shift == 0:
        return np.array(coefficients, dtype=np.float64)
    out = np.zeros(1)
    for coefficient in coefficients[::-1]:
        out = polynomial.polyadd(polynomial.polymul(out, [-shift, 1.0]), [coefficient])
    out = np.asarray(out[: len(coefficients)], dtype=np.float64)
    out[-2] = 0.0
    return out


def _same(width: int, scale: float, offset: float) -> Channelwise:
    """All numbers scaled and shifted alike, as one channel."""
    return Channelwise(np.array([scale]), np.array([offset]), width)


def _width(step: Step) -> int:
    assert isinstance(step, Linear | Convolution)
    return step.outputs


def _is_square(step: Polynomial) -> bool:
    return step.degree == 2 and not step.coefficients[:2].any() and step.coefficients[2] == 1


def _repeat(before: Step, after: Step | None) -> int:
    """How long channels are at least, so that convolutions before and after stay ones."""
    repeats = [1]
    if isinstance(before, Convolution):
        repeats.append(before.outputs // len(before.kernels))
    if isinstance(after, Convolution):
        repeats.append(after.inputs // after.image[0])
    return int(np.lcm.reduce(repeats))
