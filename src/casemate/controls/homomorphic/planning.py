"""Planning: for one degree, which layout of each layer and which rescaling make a program cheapest."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from casemate.controls.homomorphic.candidates import first, later
from casemate.controls.homomorphic.circuits import Convolution, Polynomial, Step
from casemate.controls.homomorphic.costs import Costs
from casemate.controls.homomorphic.layouts import apart
from casemate.controls.homomorphic.powers import drops
from casemate.controls.homomorphic.slot_program import LinearStep, PowerStep, SlotStep

KEPT = 6
"""Layouts of one layer that are followed up, the cheapest ones."""


@dataclass(frozen=True, eq=False)
class Planned:
    """Steps on slots, before their scales are chosen.

    Args:
        steps: linear layers and polynomials.
        primes: how many primes ciphertexts are modulo at the top.
        seconds: what running them is estimated to take.
        content: which output of the last step each slot holds, (slots,) int64; None before the first.
    """

    steps: tuple[SlotStep, ...]
    primes: int
    seconds: float
    content: np.ndarray | None = None


def planned(steps: Sequence[Step], slots: int, costs: Costs, spare: int = 0) -> Iterator[Planned]:
    """Yield the cheapest program that rescales after polynomials only, and the one that also does after each layer.

    Nothing is yielded where the layers do not fit into so many slots.

    Args:
        steps: the circuit's.
        slots: of a ciphertext.
        costs: of its degree.
        spare: primes that are left at the end beside the last one.
    """
    layers = sum(not isinstance(step, Polynomial) for step in steps)
    for rescale in (False, True) if layers > 1 else (False,):
        primes = 1 + spare + sum(drops(step.coefficients) for step in steps if isinstance(step, Polynomial))
        primes += rescale * (layers - 1)
        found = _cheapest(steps, slots, costs, primes, rescale=rescale)
        if found is not None:
            yield found


def _cheapest(steps: Sequence[Step], slots: int, costs: Costs, primes: int, *, rescale: bool) -> Planned | None:
    """Follow up the cheapest layouts of each layer, one layer after the other."""
    open_ = [Planned((), primes, 0.0)]
    for place, step in enumerate(steps):
        last = place == len(steps) - 1
        longer = [
            more
            for so_far in open_
            for more in _longer(so_far, step, slots, costs, rescale=rescale and not last, last=last)
        ]
        open_ = sorted(longer, key=lambda found: (round(found.seconds, 9), _early(found)))[:KEPT]
    return Planned(open_[0].steps, primes, open_[0].seconds) if open_ else None


def _early(so_far: Planned) -> int:
    """Rotations of what comes in, whose noise weighs more than that of rotated products."""
    return sum(len(step.plan.babies) for step in so_far.steps if isinstance(step, LinearStep))


def _longer(so_far: Planned, step: Step, slots: int, costs: Costs, *, rescale: bool, last: bool) -> Iterator[Planned]:
    """Yield what becomes of a plan with one step more; ``primes`` counts down meanwhile.

    What folds of the last layer would add up, the client adds up.
    """
    if isinstance(step, Polynomial):
        dropped = drops(step.coefficients)
        seconds = so_far.seconds + dropped * costs.square(so_far.primes)
        steps = (*so_far.steps, PowerStep(step.coefficients))
        yield Planned(steps, so_far.primes - dropped, seconds, so_far.content)
        return
    bias = step.linear.bias if isinstance(step, Convolution) else step.bias
    for found in first(step, slots) if so_far.content is None else later(step, so_far.content):
        laid = replace(found, plan=apart(found.plan)) if last else found
        seconds = so_far.seconds + costs.linear(laid, so_far.primes, rescale=rescale)
        steps = (*so_far.steps, LinearStep(laid, bias, 0.0, rescale))
        yield Planned(steps, so_far.primes - rescale, seconds, laid.plan.content)
