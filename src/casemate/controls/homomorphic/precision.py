"""Precision: how far an encrypted computation may be off, estimated from a circuit's numbers and a chain's primes.

Noise is counted by its standard deviation in a slot, as if every source were independent (Costache, Curtis, Hales,
Murphy, Ogilvie & Player, "On the precision loss in approximate homomorphic encryption", SAC 2023). The estimate ranks
parameters; whether they suffice is then measured on encrypted rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

import numpy as np

from casemate.controls.homomorphic.powers import drops
from casemate.controls.homomorphic.slot_program import LinearStep, PowerStep, SlotStep, walk

SIGMA = 3.2
"""Standard deviation of the noise of a fresh ciphertext, in each coefficient."""

LEAST_SCALE = 14.0
"""Bits that a scale has at least, wherever it is."""

_INPUTS = np.arange(16.0, 61.0, 3.0)
_LAYERS = np.arange(10.0, 47.0, 3.0)
_NEAR = np.arange(-2.0, 3.0)
"""Scales that are tried, in bits: of what is encrypted, of weights, and around the best of these."""

_APART = 3
"""Layers, from the last one, whose scales are chosen apart from each other."""


@dataclass(frozen=True, eq=False)
class Sizes:
    """How large a step's numbers are on calibration rows.

    Args:
        came, left: root mean square of a number before and after the step.
        most: the largest absolute number after it, with a margin.
        gain: how much an error grows: the largest norm of a row of weights, or the largest slope of a polynomial.
    """

    came: float
    left: float
    most: float
    gain: float


@dataclass(frozen=True)
class Scales:
    """The bits of every scale.

    Args:
        inputs: of what is encrypted.
        layers: of each linear layer's weights.
        error: the estimated error of a score: four standard deviations.
        room: bits between the answer and its modulus, which a mask may fill.
    """

    inputs: float
    layers: tuple[float, ...]
    error: float
    room: float


def scales(
    steps: Sequence[SlotStep], sizes: Sequence[Sizes], primes: Sequence[int], degree: int, room: float
) -> Scales | None:
    """Return the scales with the least estimated error that leave ``room`` bits; None where none fit.

    Args:
        steps: the program's steps, whatever their bits are now.
        sizes: how large numbers are, by step.
        primes: those that ciphertexts are modulo at the top.
        degree: of the polynomials.
        room: bits between the answer and its modulus, at least.
    """
    count = min(sum(isinstance(step, LinearStep) for step in steps), _APART)
    coarse = _best(steps, sizes, primes, degree, room, [_INPUTS, *[_LAYERS] * count])
    if coarse is None:
        return None
    around = (coarse.inputs, *coarse.layers[-count:])
    return _best(steps, sizes, primes, degree, room, [centre + _NEAR for centre in around])


def _best(
    steps: Sequence[SlotStep],
    sizes: Sequence[Sizes],
    primes: Sequence[int],
    degree: int,
    room: float,
    axes: list[np.ndarray],
) -> Scales | None:
    """Return the best of all scales on these axes: of what is encrypted, and of the last layers' weights."""
    count = sum(isinstance(step, LinearStep) for step in steps)
    bits, *free = (axis.ravel() for axis in np.meshgrid(*axes, indexing="ij"))
    layers = [*free[:1] * (count - len(free)), *free]
    left = _room(steps, sizes, primes, bits, layers)
    error = np.where(left >= room, _error(steps, sizes, primes, degree, bits, layers), np.inf)
    best = int(error.argmin())
    if not np.isfinite(error[best]):
        return None
    return Scales(float(bits[best]), tuple(float(one[best]) for one in layers), float(error[best]), float(left[best]))


def with_bits(steps: Sequence[SlotStep], layers: Sequence[float]) -> tuple[SlotStep, ...]:
    """Return the same steps with these scales of their weights."""
    left = list(layers)
    return tuple(
        LinearStep(step.laid, step.bias, left.pop(0), step.rescale) if isinstance(step, LinearStep) else step
        for step in steps
    )


def _room(
    steps: Sequence[SlotStep], sizes: Sequence[Sizes], primes: Sequence[int], bits: np.ndarray, layers: list[np.ndarray]
) -> np.ndarray:
    """Return the bits between the answer and its modulus, (choices,); -inf where numbers do not fit somewhere."""
    logs = np.log2(np.array(primes, dtype=np.float64))
    seen = [(len(primes), bits), *walk(_with(steps, layers), primes, bits)]
    fits = np.ones(len(bits), dtype=bool)
    for size, (before, _), (after, scale) in zip(sizes, seen[:-1], seen[1:], strict=True):
        undivided = scale + logs[after] if after < before else scale  # before the last prime was divided out
        held = after + (after < before)
        fits &= (scale >= LEAST_SCALE) & (undivided + np.log2(2 * size.most) + 1 <= logs[:held].sum())
    last, scale = seen[-1]
    return np.where(fits, logs[:last].sum() - scale - np.log2(2 * sizes[-1].most) - 1, -np.inf)


def _with(steps: Sequence[SlotStep], layers: list[np.ndarray]) -> tuple[SlotStep, ...]:
    """The same steps, their bits being arrays: all choices at once."""
    return with_bits(steps, cast("list[float]", layers))


def _error(
    steps: Sequence[SlotStep],
    sizes: Sequence[Sizes],
    primes: Sequence[int],
    degree: int,
    bits: np.ndarray,
    layers: list[np.ndarray],
) -> np.ndarray:
    """Return four standard deviations of a score's error, (choices,)."""
    spread = np.sqrt(degree)  # from a coefficient to a slot
    rounded = np.sqrt(degree / 12)  # what rounding every coefficient means in a slot
    divided = rounded * np.sqrt(1 + 2 * degree / 3)
    scale, left, weights = bits, list(primes), list(layers)
    variance = (SIGMA * spread / 2**scale) ** 2
    for step, size in zip(steps, sizes, strict=True):
        if isinstance(step, LinearStep):
            layer = weights.pop(0)
            summed = len(step.plan.steps.reach) * step.plan.parts  # by folds, or by the client
            terms = len(step.plan.diagonals) * summed
            switch = (_switched(len(left), degree) / 2**scale) ** 2
            variance = size.gain**2 * (variance + switch * any(step.plan.babies))
            variance = variance + terms * size.came**2 * (rounded / 2**layer) ** 2
            scale = scale + layer
            giants = sum(1 for turn in step.plan.giants if turn) * summed
            variance = variance + giants * (_switched(len(left), degree) / 2**scale) ** 2
            if step.rescale:
                scale = scale - float(np.log2(left.pop()))
                variance = variance + summed * (divided / 2**scale) ** 2
            variance = variance + len(step.plan.steps.folds) * (_switched(len(left), degree) / 2**scale) ** 2
        else:
            ((count, scale),) = walk([step], left, scale)
            del left[count:]
            noise = (divided + _switched(len(left) + 1, degree)) / 2**scale
            variance = size.gain**2 * variance + drops(step.coefficients) * noise**2
    return np.asarray(4 * np.sqrt(variance))


def _switched(primes: int, degree: int) -> float:
    """The noise of switching a key, in a slot, where the special prime is as large as the others."""
    return float(np.sqrt(degree) * (SIGMA * np.sqrt(primes * degree / 12) + np.sqrt((1 + 2 * degree / 3) / 12)))


def sizes_of(steps: Sequence[SlotStep], values: np.ndarray, margin: float) -> list[Sizes]:
    """Return how large the numbers of each step are.

    Args:
        steps: the program's steps.
        values: what is encrypted of calibration rows, (n, width).
        margin: what the largest numbers are multiplied with.
    """
    found = []
    for step in steps:
        before = values
        if isinstance(step, LinearStep):
            weights = weights_of(step, values.shape[1])
            values, gain = values @ weights.T + step.bias, float(np.linalg.norm(weights, axis=1).max())
        else:
            values, gain = _powers(step, values)
        most = float(np.abs(values).max(initial=0.0)) * margin + 1e-9
        found.append(Sizes(_size(before), _size(values), max(most, 2.0**-4), gain))
    return found


def weights_of(step: LinearStep, inputs: int) -> np.ndarray:
    """Return the matrix of a linear layer, (outputs, inputs), read back from its plan."""
    came, steps, plan = step.laid.came, step.plan.steps, step.plan
    slots, weights = len(came), np.zeros((len(step.bias), inputs))
    for targets in plan.targets.T:
        for hop in steps.reach.tolist():
            for (giant, baby), diagonal in plan.diagonals.items():
                at = (targets + hop + steps.giants[giant]) % slots
                column = came[(at + steps.babies[baby]) % slots]
                known = (column >= 0) & (diagonal[at] != 0)
                weights[np.flatnonzero(known), column[known]] += diagonal[at][known]
    return weights


def _powers(step: PowerStep, values: np.ndarray) -> tuple[np.ndarray, float]:
    slope = np.polynomial.polynomial.polyder(step.coefficients)
    polyval = np.polynomial.polynomial.polyval
    steepest = np.sqrt(np.mean(polyval(values, slope) ** 2)) * 2
    return np.asarray(polyval(values, step.coefficients)), float(max(steepest, 1e-6))


def _size(values: np.ndarray) -> float:
    return float(np.sqrt(np.mean(values**2))) if values.size else 0.0
