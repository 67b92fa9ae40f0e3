"""Compiling: from a circuit to a program that runs on ciphertexts, with the smallest parameters that suffice.

Whether parameters suffice is measured: calibration rows are encrypted, computed and decrypted under a throw-away key.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from casemate.controls.homomorphic.chain import Chain, ckks_chain
from casemate.controls.homomorphic.circuits import Circuit, Polynomial
from casemate.controls.homomorphic.context import Context
from casemate.controls.homomorphic.costs import measured
from casemate.controls.homomorphic.masking import Mask
from casemate.controls.homomorphic.planning import Planned, planned
from casemate.controls.homomorphic.precision import Scales, Sizes, scales, sizes_of, with_bits
from casemate.controls.homomorphic.security import DEGREES, most_bits
from casemate.controls.homomorphic.slot_program import SlotProgram
from casemate.core.errors import EmptyData, ModelUnsupported

LARGEST_PRIME = 60
SMALLEST_PRIME = 25
MARGIN = 2.0
"""How much larger than on calibration rows numbers may be before they wrap around."""

TRIED = 8
"""Calibration rows on which parameters are tried under encryption."""

TRIED_CHOICES = 3
"""How many choices for one degree are tried."""

CAUTION = 16.0
"""How much larger than the tolerance an estimate may be, which is cautious, for a choice to be tried."""

MOST_MASK = 30.0
"""Bits by which a mask is larger than what it hides, at most: float64, which it is encoded from, has 53."""

MIDDLE = (60, 54, 48, 44, 40, 36, 32, 28)
"""Sizes of the primes that are divided out, in bits."""

RELATIVE = 0.01
"""The accepted error of a score, as a share of the scores' standard deviation, where none is asked for."""


@dataclass(frozen=True, eq=False)
class Compiled:
    """A program with what was found about it.

    Args:
        program: what runs.
        mask: what is added to its answers.
        tolerance: the accepted error of a score.
        estimated: the estimated error of a score: four standard deviations.
        error: the largest error on the rows that were tried under encryption.
        seconds: what running it is estimated to take on this machine, CPU time.
        mask_bits: by how many bits what hides partial sums is larger than they may be.
    """

    program: SlotProgram
    mask: Mask
    tolerance: float
    estimated: float
    error: float
    seconds: float
    mask_bits: float


def compile_slots(
    circuit: Circuit, rows: np.ndarray, *, tolerance: float | None = None, mask_bits: float = 8.0, flood: float = 0.0
) -> Compiled:
    """Return the cheapest program whose scores are within ``tolerance`` of the circuit's.

    Args:
        circuit: folded and balanced; see `folding`.
        rows: calibration rows, (n, features); numbers up to twice theirs do not wrap around.
        tolerance: the accepted error of a score; by default one hundredth of the scores' standard deviation.
        mask_bits: by how many bits what hides partial sums in the answer must be larger than they may be.
        flood: standard deviation of the noise added to each score, as a share of the tolerance.

    Raises:
        EmptyData: no rows.
        ModelUnsupported: no parameters suffice; says what would have to change.
    """
    if not len(rows):
        raise EmptyData("no calibration rows", fix="give some hundred rows like those that will be asked")
    scores = circuit.scores(rows)
    if tolerance is None:
        tolerance = RELATIVE * float(scores.std()) or RELATIVE
    values = circuit.preparation(rows)
    closest: Compiled | None = None
    for degree in _degrees(circuit, values):
        choices = [
            one for one in _choices(circuit, values, mask_bits, degree) if one.scales.error <= CAUTION * tolerance
        ]
        for chosen in sorted(choices, key=lambda one: one.planned.seconds)[:TRIED_CHOICES]:
            made = _made(chosen, values, scores, tolerance, flood)
            if made.error <= tolerance / 2:
                return made
            if closest is None or made.error < closest.error:
                closest = made
    raise _impossible(circuit, tolerance, closest)


def _made(chosen: _Choice, values: np.ndarray, scores: np.ndarray, tolerance: float, flood: float) -> Compiled:
    found, picked = chosen.planned, chosen.scales
    program = SlotProgram(Context(chosen.chain), with_bits(found.steps, picked.layers), picked.inputs)
    room = min(picked.room, MOST_MASK)
    mask = Mask(chosen.most * 2.0**room, flood * tolerance)
    error = tried(program, values[:TRIED], scores[:TRIED])
    return Compiled(program, mask, tolerance, picked.error, error, found.seconds, room)


def tried(program: SlotProgram, values: np.ndarray, scores: np.ndarray) -> float:
    """Return the largest error of scores (n, outputs) computed on encrypted values (n, width), under a new key."""
    from casemate.controls.homomorphic.trial import Trial

    trial = Trial(program)
    return float(max(np.abs(trial.scores(row) - wanted).max() for row, wanted in zip(values, scores, strict=True)))


@dataclass(frozen=True, eq=False)
class _Choice:
    """A plan with its chain and scales; ``most`` is the largest size of a score."""

    chain: Chain
    planned: Planned
    scales: Scales
    most: float


def _degrees(circuit: Circuit, values: np.ndarray) -> list[int]:
    """Degrees in whose slots every layer fits, the cheapest first."""
    width = max(values.shape[1], *(step.outputs for step in circuit.steps if not isinstance(step, Polynomial)))
    return [degree for degree in DEGREES[2:] if width <= degree // 2]


def _choices(circuit: Circuit, values: np.ndarray, room: float, degree: int) -> Iterator[_Choice]:
    """Yield plans for a degree with every chain that suits them, and the best scales for it.

    A prime more than the products use up costs time, and leaves room for larger scales at the end.
    """
    costs = measured(degree)
    for spare in (0, 1):
        for found in planned(circuit.steps, degree // 2, costs, spare):
            sizes = sizes_of(found.steps, values, MARGIN)
            best = _best(found, sizes, degree, spare, room, MIDDLE)
            if best is not None and found.primes > 1 + spare:
                middle = best.chain.primes[1 + spare].bit_length()
                near = range(middle + 3, middle - 4, -1)
                yield _best(found, sizes, degree, spare, room, near) or best
            elif best is not None:
                yield best


def _best(
    found: Planned, sizes: list[Sizes], degree: int, spare: int, room: float, middles: Iterable[int]
) -> _Choice | None:
    """Return the choice with the least estimated error, of chains with these sizes of primes in the middle."""
    best: _Choice | None = None
    for chain in _chains(degree, found.primes, spare, middles):
        picked = scales(found.steps, sizes, chain.levels, degree, room)
        if picked is not None and (best is None or picked.error < best.scales.error):
            best = _Choice(chain, found, picked, sizes[-1].most)
    return best


def _chains(degree: int, primes: int, spare: int, middles: Iterable[int]) -> Iterator[Chain]:
    """Yield chains with primes of one size in the middle, and as large ones as may be at both ends."""
    inner = primes - 1 - spare
    for middle in middles if inner else (SMALLEST_PRIME,):
        end = min(LARGEST_PRIME, (most_bits(degree) - inner * middle) // (2 + spare))
        if end >= max(middle, SMALLEST_PRIME) and middle >= SMALLEST_PRIME:
            yield ckks_chain(degree, (*(end,) * (1 + spare), *(middle,) * inner, end))


def _impossible(circuit: Circuit, tolerance: float, closest: Compiled | None) -> ModelUnsupported:
    depth = sum(isinstance(step, Polynomial) for step in circuit.steps)
    best = f"the best is off by {closest.error:.2g}" if closest else "numbers of this size do not fit into any"
    return ModelUnsupported(
        f"no parameters compute this model within {tolerance:.2g}: {best}",
        why=f"{depth} polynomials one after the other need more room than {most_bits(DEGREES[-1])} bits of modulus "
        "leave, or its layers are wider than a ciphertext has slots",
        fix=f"accept a larger error (tolerance = {closest.error * 4:.2g})"
        if closest
        else "a smaller model, fewer layers, polynomials of a lower degree, or features scaled to -1 to 1",
    )
