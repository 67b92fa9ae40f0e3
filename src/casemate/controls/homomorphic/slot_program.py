"""Slot programs: circuits on slots, ready to run on one row in one ciphertext."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from casemate.controls.homomorphic.candidates import Laid
from casemate.controls.homomorphic.context import Context
from casemate.controls.homomorphic.layouts import LinearPlan, carried_out, filled
from casemate.controls.homomorphic.powers import CONSTANT_BITS, Slots, drops, evaluated, rescaled, shape_of


@dataclass(frozen=True, eq=False)
class LinearStep:
    """A linear layer on slots.

    Args:
        laid: its plan.
        bias: what is added to each output, (outputs,).
        bits: the diagonals are multiplied with two to this power before they are rounded.
        rescale: whether a prime is divided out afterwards.
    """

    laid: Laid
    bias: np.ndarray
    bits: float
    rescale: bool = False

    @property
    def plan(self) -> LinearPlan:
        """Rotations and diagonals."""
        return self.laid.plan

    @property
    def biases(self) -> np.ndarray:
        """What is added to every slot, (slots,)."""
        return filled(self.plan.content, self.bias / self.plan.parts)


@dataclass(frozen=True, eq=False)
class PowerStep:
    """A polynomial of every slot.

    Args:
        coefficients: ascending, (degree + 1,).
    """

    coefficients: np.ndarray


SlotStep = LinearStep | PowerStep


@dataclass(frozen=True, eq=False)
class SlotPacking:
    """What a client must know to ask and to read the answer.

    Args:
        content: which number each slot holds, (slots,) int64; -1 for 0.
        answers: the slots whose sum is each score, (outputs, parts) int64.
        bits: numbers are multiplied with two to this power before they are encrypted.
        rotations: for which rotations the server needs keys.
        relinearise: whether it needs keys to relinearise.
        given: how many primes the answer is modulo.
        scale: what the answer's numbers are multiplied with.
    """

    content: np.ndarray
    answers: np.ndarray
    bits: float
    rotations: tuple[int, ...]
    relinearise: bool
    given: int
    scale: float

    def pack(self, values: np.ndarray) -> np.ndarray:
        """Return the slots of numbers (width,), (slots,)."""
        return filled(self.content, values)

    def unpack(self, slots: np.ndarray) -> np.ndarray:
        """Return the scores in decrypted slots (..., slots), (..., outputs)."""
        return np.asarray(slots[..., self.answers].sum(axis=-1))


@dataclass(eq=False)
class SlotProgram:
    """A circuit on slots with its known numbers encoded.

    Args:
        context: the chain to run on.
        steps: linear layers and polynomials.
        bits: see `SlotPacking`.
    """

    context: Context
    steps: tuple[SlotStep, ...]
    bits: float
    _diagonals: dict[int, dict[tuple[int, int], Any]] = field(default_factory=dict, repr=False)
    _biases: dict[int, Any] = field(default_factory=dict, repr=False)

    @property
    def last(self) -> LinearStep:
        """The step whose outputs are the scores."""
        last = self.steps[-1]
        assert isinstance(last, LinearStep)
        return last

    @property
    def rotations(self) -> tuple[int, ...]:
        """All rotations that need a key, ascending."""
        return tuple(sorted({r for step in self.steps if isinstance(step, LinearStep) for r in step.plan.rotations}))

    def packing(self) -> SlotPacking:
        """Return what clients must know."""
        first = self.steps[0]
        assert isinstance(first, LinearStep)
        primes, scale = self.outcome()
        powers = any(isinstance(step, PowerStep) for step in self.steps)
        return SlotPacking(first.laid.came, self.last.plan.targets, self.bits, self.rotations, powers, primes, scale)

    def outcome(self) -> tuple[int, float]:
        """Return how many primes the answer is modulo, and its scale."""
        *_, (primes, bits) = walk(self.steps, self.context.chain.levels, self.bits)
        return primes, 2.0**bits

    def reference(self, slots: np.ndarray) -> np.ndarray:
        """Return what the program makes of slots in the clear, (slots,)."""
        for step in self.steps:
            if isinstance(step, LinearStep):
                slots = carried_out(step.plan, slots) + step.biases
            else:
                slots = np.asarray(np.polynomial.polynomial.polyval(slots, step.coefficients))
        return slots

    def run(self, ciphertext: Any, galois: Any, relinearise: Any) -> Any:
        """Return the encrypted answer, neither masked nor flooded.

        Args:
            ciphertext: SEAL's, at the top of the chain.
            galois: SEAL's keys for `rotations`; None where there are none.
            relinearise: SEAL's keys for products; None where there are no polynomials.
        """
        x = Slots(ciphertext, len(self.context.chain.levels))
        for place, step in enumerate(self.steps):
            if isinstance(step, LinearStep):
                x = self._linear(place, step, x, galois)
            else:
                x = evaluated(step.coefficients, x, self.context, relinearise)
        return x.ciphertext

    def _linear(self, place: int, step: LinearStep, x: Slots, galois: Any) -> Slots:
        evaluator, steps = self.context.evaluator, step.plan.steps
        diagonals = self._encoded(place, step, x.primes)
        turned = {
            baby: evaluator.rotate_vector(x.ciphertext, steps.babies[baby], galois)
            if steps.babies[baby]
            else x.ciphertext
            for baby in sorted({baby for _, baby in diagonals})
        }
        total: Any = None
        for giant, large in enumerate(steps.giants):
            part: Any = None
            for (of, baby), plain in diagonals.items():
                if of == giant:
                    product = evaluator.multiply_plain(turned[baby], plain)
                    if part is None:
                        part = product
                    else:
                        evaluator.add_inplace(part, product)
            if part is None:
                continue
            if large:
                part = evaluator.rotate_vector(part, large, galois)
            if total is None:
                total = part
            else:
                evaluator.add_inplace(total, part)
        out = Slots(total, x.primes)
        if step.rescale:
            out = rescaled(out, self.context)
        for fold in steps.folds:
            evaluator.add_inplace(out.ciphertext, evaluator.rotate_vector(out.ciphertext, fold, galois))
        if step.bias.any():
            evaluator.add_plain_inplace(out.ciphertext, self._bias(place, step, out))
        return out

    def _encoded(self, place: int, step: LinearStep, primes: int) -> dict[tuple[int, int], Any]:
        if place not in self._diagonals:
            self._diagonals[place] = {
                at: self.context.encode(diagonal, 2.0**step.bits, primes)
                for at, diagonal in step.plan.diagonals.items()
            }
        return self._diagonals[place]

    def _bias(self, place: int, step: LinearStep, out: Slots) -> Any:
        if place not in self._biases:
            self._biases[place] = self.context.encode(step.biases, out.scale, out.primes)
        return self._biases[place]


def walk(steps: Sequence[SlotStep], primes: Sequence[int], bits: Any) -> Iterator[tuple[int, Any]]:
    """Yield after each step how many primes are left, and the bits of the scale.

    Args:
        primes: those that ciphertexts are modulo at the top, the last one divided out first.
        bits: of the scale at the beginning; a number, or an array of them, as the steps' bits.
    """
    left = list(primes)
    for step in steps:
        if isinstance(step, LinearStep):
            bits = bits + step.bits
            if step.rescale:
                bits = bits - float(np.log2(left.pop()))
        else:
            bits = _after(step.coefficients, left, bits)
            del left[len(left) - drops(step.coefficients) :]
        yield len(left), bits


def _after(coefficients: np.ndarray, left: Sequence[int], bits: Any) -> Any:
    """The bits of the scale after a polynomial, as `powers` computes it."""
    logs = [float(np.log2(prime)) for prime in left]
    square = 2 * bits - logs[-1]
    match shape_of(coefficients):
        case "square":
            return square
        case "cube":
            return square + bits - logs[-2]
        case "fourth power":
            return 2 * square - logs[-2]
    found, level = {1: bits}, {1: len(logs)}
    for k in range(2, len(coefficients)):
        half, rest = k - k // 2, k // 2
        primes = min(level[half], level[rest])
        found[k], level[k] = found[half] + found[rest] - logs[primes - 1], primes - 1
    lowest = min(level.values())
    return np.max(np.stack([np.asarray(one) for one in found.values()]), axis=0) + CONSTANT_BITS - logs[lowest - 1]
