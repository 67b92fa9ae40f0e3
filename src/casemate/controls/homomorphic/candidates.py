"""Candidates: ways to lay out one linear layer on slots, each with its rotations; `layouts.plan` proves them.

Where products may be rotated as well as what comes in, products are: their scale is larger, and so a rotation's noise
weighs less.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from casemate.controls.homomorphic.circuits import Convolution, Linear
from casemate.controls.homomorphic.layouts import LinearPlan, Steps, log2, power_above, powers, span
from casemate.controls.homomorphic.plan_memory import remembered_plan


@dataclass(frozen=True, eq=False)
class Laid:
    """A linear layer with its plan.

    Args:
        plan: rotations and diagonals.
        came: which input each slot holds before, (slots,) int64; -1 for none.
    """

    plan: LinearPlan
    came: np.ndarray


def first(layer: Linear | Convolution, slots: int) -> Iterator[Laid]:
    """Yield ways to compute a layer whose inputs the client may lay out, and repeat, as it suits the server."""
    if isinstance(layer, Convolution):
        yield from _windows(layer, slots)
        layer = layer.linear
    yield from _repeated(layer.weights, slots)


def later(layer: Linear | Convolution, content: np.ndarray) -> Iterator[Laid]:
    """Yield ways to compute a layer whose inputs lie in slots as earlier layers left them, (slots,) int64."""
    weights = layer.linear.weights if isinstance(layer, Convolution) else layer.weights
    yield from _apart(weights, content)
    period = _period(content)
    if period:
        yield from _folded(weights, content, period)
        yield from _skewed(weights, content, period)
        yield from _turned(weights, content, period)


def _repeated(weights: np.ndarray, slots: int) -> Iterator[Laid]:
    """Yield plans in which blocks of slots, one slot per output, hold inputs shifted against each other.

    Block r serves the inputs n r to n r + n - 1 of each slot's turn, by n rotations; folding adds the blocks up.
    """
    outputs, inputs = weights.shape
    block = power_above(outputs)
    if block > slots:
        return
    blocks = slots // block
    least = -(-inputs // blocks)
    for turns in sorted({least, power_above(least), least + least % 2}):
        used = power_above(-(-inputs // turns))
        slot = np.arange(used * block)
        content = (turns * (slot // block) + slot % block) % (turns * used)
        content[content >= inputs] = -1
        folds = powers(block, log2(used))
        for babies in _divided(turns):
            steps = Steps(span(1, babies), span(babies, turns), folds)
            for laid in _made(weights, content, steps, np.arange(outputs)):
                yield _tiled(laid, slots)


def _windows(layer: Convolution, slots: int) -> Iterator[Laid]:
    """Yield a plan in which slots hold what each tap of each window reads: a rotation for each channel going out."""
    taps = layer.taps
    windows, channels = power_above(taps.shape[1]), power_above(len(layer.kernels))
    if windows * max(power_above(len(taps)), channels) > slots:
        return
    content = np.full(slots, -1, dtype=np.int64)
    tap, window = (axis.ravel() for axis in np.indices(taps.shape))
    content[tap * windows + window] = taps[tap, window]
    channel, window = (axis.ravel() for axis in np.indices((len(layer.kernels), taps.shape[1])))
    block = windows * channels
    steps = Steps((0,), span(windows, block), powers(block, log2(slots // block)))
    yield from _made(layer.linear.weights, content, steps, channel * windows + window)


def _folded(weights: np.ndarray, content: np.ndarray, period: int) -> Iterator[Laid]:
    """Yield a plan with one product: every block of repeated inputs serves one output, and is folded into one slot."""
    if len(weights) * period <= len(content):
        steps = Steps((0,), (0,), powers(1, log2(period)))
        yield from _made(weights, content, steps, np.arange(len(weights)) * period)


def _skewed(weights: np.ndarray, content: np.ndarray, period: int) -> Iterator[Laid]:
    """Yield plans in which folds shift blocks of repeated inputs against each other while they add them up."""
    block = power_above(len(weights))
    if block > period:
        return
    for turns in powers(1, log2(block) + 1):
        if block // turns * period <= len(content):
            folds = (*powers(period + turns, log2(block // turns)), *powers(block, log2(period // block)))
            yield from _made(weights, content, Steps((0,), span(1, turns), folds), np.arange(len(weights)))


def _turned(weights: np.ndarray, content: np.ndarray, period: int) -> Iterator[Laid]:
    """Yield plans without folds: repeated inputs are turned through their whole period, and outputs come repeated."""
    slots, outputs = len(content), len(weights)
    if outputs > period:
        return
    rows = np.arange(slots) % period
    targets = np.flatnonzero(rows < outputs)
    for babies in powers(1, log2(period) + 1):
        steps = Steps(span(1, babies), span(babies, period))
        if abs(log2(babies) * 2 - log2(period)) <= 2:
            yield from _made(weights, content, steps, targets, rows[targets])


def _apart(weights: np.ndarray, content: np.ndarray) -> Iterator[Laid]:
    """Yield plans for inputs that lie once, in one row at one distance, with anything between and behind them."""
    places = np.flatnonzero(content >= 0)
    inputs = weights.shape[1]
    first_places = np.array([places[content[places] == j][:1] for j in range(inputs)]).ravel()
    if len(first_places) != inputs:
        return
    gaps = np.unique(np.diff(first_places)) if inputs > 1 else np.ones(1, dtype=np.int64)
    if len(gaps) != 1 or gaps[0] < 1 or first_places[0] != 0:
        return
    step, block = int(gaps[0]), power_above(len(weights))
    once = np.full(len(content), -1, dtype=np.int64)
    once[first_places] = np.arange(inputs)
    if step * block > len(content):
        return
    behind = (len(content) - block * step) + np.arange(len(weights)) * step
    for folds, targets in (
        (log2(power_above(-(-(inputs + block) // block))), behind),  # outputs lie before the inputs
        (log2(len(content) // (step * block)), behind % (block * step)),  # all slots are added up
    ):
        for babies in powers(1, log2(block) + 1):
            steps = Steps(span(step, step * babies), span(step * babies, step * block), powers(step * block, folds))
            yield from _made(weights, once, steps, targets)


def _tiled(laid: Laid, slots: int) -> Laid:
    """Repeat a plan until it fills the slots: turning what repeats itself is turning its first part."""
    times = slots // len(laid.came)
    diagonals = {at: np.tile(diagonal, times) for at, diagonal in laid.plan.diagonals.items()}
    return Laid(LinearPlan(laid.plan.steps, diagonals, np.tile(laid.plan.content, times)), np.tile(laid.came, times))


def _made(
    weights: np.ndarray, content: np.ndarray, steps: Steps, targets: np.ndarray, rows: np.ndarray | None = None
) -> Iterator[Laid]:
    """Yield the plan if it suffices; ``rows`` says which output each target holds, where several hold the same."""
    found = remembered_plan(weights if rows is None else weights[rows], content, steps, targets)
    if found is not None:
        if rows is not None:
            found = replace(found, content=np.where(found.content >= 0, rows[found.content], -1))
        yield Laid(found, content)


def _divided(turns: int) -> tuple[int, ...]:
    """Return baby steps that leave about as many giant steps."""
    return tuple(
        sorted({babies for babies in range(1, turns + 1) if babies + -(-turns // babies) <= 2 * turns**0.5 + 2})
    )


def _period(content: np.ndarray) -> int:
    """Return the smallest power of two after which the content repeats, holding inputs from its start; 0 for none."""
    period = power_above(int(content.max()) + 1)
    if period > len(content):
        return 0
    turns = content.reshape(-1, period)
    start = np.where(np.arange(period) <= content.max(), np.arange(period), turns[0])
    return period if (turns == start).all() else 0
