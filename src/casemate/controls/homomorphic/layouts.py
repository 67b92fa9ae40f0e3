"""Layouts: which number lies in which slot, and linear layers as few rotations, with a proof that nothing collides.

A linear layer on slots is a sum of rotated copies times known numbers ("diagonals"; Halevi & Shoup, CRYPTO 2014), the
rotations split into small and large ones ("baby steps, giant steps"), followed by folds: the sum with its own rotation,
over and over. A plan says which rotations there are; here it is found out which known number belongs in which slot.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import product

import numpy as np


@dataclass(frozen=True)
class Steps:
    """The rotations of a linear layer.

    Args:
        babies: rotations of what comes in; 0 among them.
        giants: rotations of sums of products; 0 among them.
        folds: each adds the result, rotated so far, to itself; one after the other.
    """

    babies: tuple[int, ...]
    giants: tuple[int, ...] = (0,)
    folds: tuple[int, ...] = ()

    @property
    def rotations(self) -> tuple[int, ...]:
        """All rotations that need a key, ascending."""
        return tuple(sorted({step for step in (*self.babies, *self.giants, *self.folds) if step}))

    @cached_property
    def reach(self) -> np.ndarray:
        """How far from a slot the slots lie that the folds add up to it, (2 ** folds,)."""
        return np.array([sum(chosen) for chosen in product(*((0, fold) for fold in self.folds))], dtype=np.int64)


@dataclass(frozen=True, eq=False)
class LinearPlan:
    """A linear layer on slots.

    Args:
        steps: its rotations.
        diagonals: for every pair of giant and baby step (their places in ``steps``) that is needed, what each slot is
            multiplied with, (slots,) float64.
        content: which output each slot holds afterwards, (slots,) int64; -1 where it holds a partial sum or nothing.
        parts: where above 1, an output is the sum of so many slots, all of which its number in ``content`` marks.
    """

    steps: Steps
    diagonals: dict[tuple[int, int], np.ndarray]
    content: np.ndarray
    parts: int = 1

    @cached_property
    def targets(self) -> np.ndarray:
        """The slots of each output, (outputs, parts) int64; the first ones where it lies in several, whole."""
        places = [np.flatnonzero(self.content == output)[: self.parts] for output in range(int(self.content.max()) + 1)]
        return np.array(places, dtype=np.int64)

    @property
    def babies(self) -> tuple[int, ...]:
        """The baby steps that are needed."""
        return tuple(sorted({self.steps.babies[baby] for _, baby in self.diagonals}))

    @property
    def giants(self) -> tuple[int, ...]:
        """The giant steps that are needed."""
        return tuple(sorted({self.steps.giants[giant] for giant, _ in self.diagonals}))

    @property
    def rotations(self) -> tuple[int, ...]:
        """The rotations that are needed, without 0, ascending."""
        return tuple(sorted({step for step in (*self.babies, *self.giants, *self.steps.folds) if step}))


def plan(weights: np.ndarray, content: np.ndarray, steps: Steps, targets: np.ndarray) -> LinearPlan | None:
    """Return a linear layer on slots with these rotations; None where they do not suffice.

    Args:
        weights: (outputs, inputs).
        content: which input each slot holds, (slots,) int64; -1 for none: what lies there is never used.
        steps: the rotations.
        targets: the slot of each output, (outputs,).

    The plan is proved: every output's slot adds up each of its inputs exactly once with its own weight, and nothing
    that belongs to another output.
    """
    if len(np.unique(steps.reach % len(content))) != len(steps.reach):
        return None  # a fold that adds a slot to itself
    owners, columns = _assigned(weights != 0, content, steps, targets)
    if owners is None:
        return None
    diagonals = {}
    for giant, baby in zip(*np.nonzero((owners >= 0).any(axis=2)), strict=True):
        owner, column = owners[giant, baby], columns[giant, baby]
        diagonals[int(giant), int(baby)] = np.where(owner >= 0, weights[owner, column], 0.0)
    shown = _proved(weights != 0, content, steps, targets, owners, columns)
    return None if shown is None else LinearPlan(steps, diagonals, shown)


def apart(made: LinearPlan) -> LinearPlan:
    """Return a plan without its folds: its outputs are in parts, for whoever decrypts them to add up.

    The folds add to an output's slot what lies within their reach, and that is what the parts are. Where outputs would
    share a part, and where there are no folds, the plan stays as it is.
    """
    steps, (outputs, _) = made.steps, made.targets.shape
    slots = (made.targets[:, :1] + steps.reach) % len(made.content)
    if not steps.folds or len(np.unique(slots)) < slots.size:
        return made
    content = np.full(len(made.content), -1, dtype=np.int64)
    content[slots] = np.arange(outputs)[:, None]
    return LinearPlan(Steps(steps.babies, steps.giants), made.diagonals, content, len(steps.reach))


class Collision(Exception):
    """A plan in which an output's slot gets what is not its own; nothing that a caller can mend."""


def _assigned(
    needed: np.ndarray, content: np.ndarray, steps: Steps, targets: np.ndarray
) -> tuple[np.ndarray | None, np.ndarray]:
    """Return for each (giant, baby, slot) the output that its product serves, and the input; -1 for none."""
    slots = len(content)
    owners = np.full((len(steps.giants), len(steps.babies), slots), -1, dtype=np.int32)
    columns = np.zeros_like(owners)
    left, outputs = needed.copy(), np.arange(len(targets))
    for hop in steps.reach.tolist():
        for giant, large in enumerate(steps.giants):
            at = (targets + hop + large) % slots
            for baby, small in enumerate(steps.babies):
                column = content[(at + small) % slots]
                wanted = (column >= 0) & (owners[giant, baby, at] < 0)
                wanted &= left[outputs, np.where(wanted, column, 0)]
                owners[giant, baby, at[wanted]] = outputs[wanted]
                columns[giant, baby, at[wanted]] = column[wanted]
                left[outputs[wanted], column[wanted]] = False
        if not left.any():
            break
    return (None if left.any() else owners), columns


def _proved(
    needed: np.ndarray, content: np.ndarray, steps: Steps, targets: np.ndarray, owners: np.ndarray, columns: np.ndarray
) -> np.ndarray | None:
    """Return which output each slot holds in the end, having counted what reaches it.

    None where an output that is always 0 has a slot to which others' products come.

    Raises:
        Collision: a target's slot does not hold its output.
    """
    slots = len(content)
    _check_products(content, steps, owners, columns)
    most = needed.sum(axis=1)
    every = np.arange(slots)
    reached = np.zeros((3, slots), dtype=np.int64)  # how many products reach a slot; the lowest and highest owner
    reached[1], reached[2] = len(targets), -1
    for hop in steps.reach.tolist():
        for giant, large in enumerate(steps.giants):
            found = owners[giant][:, (every + hop + large) % slots]
            reached[0] += (found >= 0).sum(axis=0)
            reached[1] = np.minimum(reached[1], np.where(found >= 0, found, len(targets)).min(axis=0))
            reached[2] = np.maximum(reached[2], found.max(axis=0))
    one = (reached[1] == reached[2]) & (reached[2] >= 0)
    owner = np.where(one, reached[2], 0)
    # A product is assigned once for every output and input, so as many as the output needs are all of them.
    shown = np.where(one & (reached[0] == most[owner]), owner, -1)
    nothing = np.flatnonzero(most == 0)
    if reached[0, targets[nothing]].any():
        return None
    shown[targets[nothing]] = nothing
    if (shown[targets] != np.arange(len(targets))).any():
        raise Collision(f"the slots {targets[shown[targets] != np.arange(len(targets))][:5]} get what is not theirs")
    return shown


def _check_products(content: np.ndarray, steps: Steps, owners: np.ndarray, columns: np.ndarray) -> None:
    """Check that each product multiplies the input that it is meant for, and that no pair has two products."""
    slots, width = len(content), int(columns.max()) + 1
    pairs = []
    for baby, small in enumerate(steps.babies):
        giant, slot = np.nonzero(owners[:, baby] >= 0)
        column = columns[giant, baby, slot]
        if (content[(slot + small) % slots] != column).any():
            raise Collision("a product takes another input than it is meant to")
        pairs.append(owners[giant, baby, slot].astype(np.int64) * width + column)
    together = np.concatenate(pairs)
    if len(np.unique(together)) != len(together):
        raise Collision("an input counts twice")


def carried_out(made: LinearPlan, values: np.ndarray) -> np.ndarray:
    """Return what the plan makes of slots in the clear, (slots,): the reference of the encrypted computation."""
    total = np.zeros(len(values))
    for giant, large in enumerate(made.steps.giants):
        part = np.zeros(len(values))
        for baby, small in enumerate(made.steps.babies):
            if (giant, baby) in made.diagonals:
                part += made.diagonals[giant, baby] * np.roll(values, -small)
        total += np.roll(part, -large)
    for fold in made.steps.folds:
        total = total + np.roll(total, -fold)
    return total


def filled(content: np.ndarray, values: np.ndarray, default: float = 0.0) -> np.ndarray:
    """Return slots that hold values (m,) as their content says; others hold the default."""
    return np.where(content >= 0, values[np.maximum(content, 0)], default)


def powers(first: int, count: int) -> tuple[int, ...]:
    """Return ``first``, twice as much, and so on: ``count`` numbers."""
    return tuple(first << k for k in range(count))


def log2(number: int) -> int:
    """Return the logarithm of a power of two."""
    assert number > 0
    assert number & (number - 1) == 0
    return number.bit_length() - 1


def power_above(number: int) -> int:
    """Return the smallest power of two that is at least this."""
    return 1 << max(number - 1, 0).bit_length()


def span(step: int, stop: int) -> tuple[int, ...]:
    """Return 0, ``step``, and so on below ``stop``."""
    return tuple(range(0, stop, step))
