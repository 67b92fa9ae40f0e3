"""Projected gradient descent: climb the loss within a radius of each row until the answer is wrong.

Three things differ from the paper, and none weakens the attack. A row leaves the batch at its first wrong answer, so
that only rows that still hold cost passes. Where cross entropy is 0 in float32 the lead of the best wrong class is
climbed instead: the gradient of a loss of 0 says nothing. A row whose gradient is exactly 0 draws a new start.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from casemate.attacks.evasion import twin
from casemate.attacks.evasion.ball import Ball
from casemate.core.access import Access, Norm
from casemate.core.attack import attack
from casemate.core.evidence import Evidence
from casemate.core.target import Target

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    Network = Callable[[Tensor], Tensor]

STEPS = 40
STRIDE = 2.5  # all steps together, in radii: far enough to cross the ball and to turn
BATCH = 100  # more rows fall out of the caches of a CPU
CLEAR = 1e-5  # a lead of the wrong class below this share of the logits is rounding


@attack(
    "evasion.pgd",
    threat="evasion",
    needs=Access.white_box(norm="linf", radius=0.1),
    requires=("network",),
    norms=("linf", "l2"),
    twin=twin.narrow_margins,
)
def projected_gradient_descent(target: Target) -> Evidence:
    """Projected gradient descent: 40 steps from a random start, in linf or l2 within the unit box.

    Immutable columns and one-hot groups stay as they are (a gradient does not jump between categories); whole numbers
    move in whole steps. Rows without a gradient are counted and reported, and the interval allows for their loss.

    Source: Madry, Makelov, Schmidt, Tsipras & Vladu, "Towards Deep Learning Models Resistant to Adversarial Attacks",
    ICLR 2018 (arXiv 1706.06083), section 2.1.
    """
    import torch

    victims, budget = target.victims, target.budget
    schema = victims.schema
    assert budget.radius is not None  # the declared needs hold a default
    movable = schema.mutable.copy()
    for group in schema.one_hot_groups:
        movable[group] = False
    generator = torch.Generator().manual_seed(int(target.rng.integers(2**31)))
    x = torch.tensor(victims.X, dtype=torch.float32)
    climb = pgd(
        target.network,
        x,
        torch.tensor(victims.y),
        torch.tensor(schema.low, dtype=torch.float32),
        torch.tensor(schema.high, dtype=torch.float32),
        radius=budget.radius,
        norm=budget.norm or "linf",
        movable=torch.tensor(movable),
        whole=torch.tensor(schema.integral),
        generator=generator,
    )
    # What was not moved keeps its float64 value to the last bit.
    moved = victims.X + (climb.points - x).numpy().astype(np.float64)
    evidence = target.present(schema.project(moved, victims.X), origin=victims)
    return _confess(evidence, climb.blind.numpy())


@dataclass(frozen=True)
class Climb:
    """Where projected gradient descent ended.

    Args:
        points: rows within the radius, (n, d) float32: the first that fooled the network, else the last.
        blind: rows whose gradient was 0 or not finite at every step, (n,) bool. That they held says nothing.
    """

    points: Tensor
    blind: Tensor


def pgd(
    network: Network,
    x: Tensor,
    y: Tensor,
    low: Tensor,
    high: Tensor,
    *,
    radius: float,
    norm: Norm = "linf",
    steps: int = STEPS,
    movable: Tensor | None = None,
    whole: Tensor | None = None,
    generator: torch.Generator | None = None,
) -> Climb:
    """Return points within ``radius`` of ``x`` that ``network`` answers wrongly, where it finds them.

    At most ``steps`` forward and backward passes over a row; each step is 2.5 ``radius / steps`` long.

    Args:
        network: rows (n, d) float32 in their own units to logits (n, classes); its weights should be frozen.
        x: the rows to start from, (n, d) float32, in their own units.
        y: their labels, (n,) int64.
        low: lower ends of the columns' ranges, (d,) float32.
        high: upper ends of the columns' ranges, (d,) float32.
        radius: largest change in ``norm`` once each column's range is mapped to [0, 1]; 0 or more.
        norm: ``"linf"`` or ``"l2"``.
        steps: number of gradient steps, 1 or more.
        movable: columns that may change, (d,) bool; all where not given.
        whole: columns that change by whole numbers only, (d,) bool; none where not given.
        generator: source of the random starts.
    """
    import torch

    points, blind = x.clone(), torch.zeros(len(x), dtype=torch.bool)
    for rows in torch.split(torch.arange(len(x)), BATCH):
        ball = Ball.around(x[rows], y[rows], low, high, radius, norm, movable, whole)
        _climb(network, ball, rows, points, blind, steps, generator)
    return Climb(points, blind)


def _climb(
    network: Network,
    ball: Ball,
    rows: Tensor,
    points: Tensor,
    blind: Tensor,
    steps: int,
    generator: torch.Generator | None,
) -> None:
    """Climb from the rows of one batch; write what is found to their places in ``points`` and ``blind``."""
    import torch

    shift, dark = ball.start(generator), torch.ones(len(rows), dtype=torch.bool)
    for _ in range(steps):
        point = ball.point(shift).requires_grad_()
        logits = network(point)
        fooled = _fooled(logits.detach(), ball.y)
        fallen = int(fooled.sum())
        if fallen:
            points[rows[fooled]] = point.detach()[fooled]
        if fallen == len(rows):
            return
        gradient = _gradient(logits, ball.y, point)
        if fallen:
            rows, shift, gradient, dark = rows[~fooled], shift[~fooled], gradient[~fooled], dark[~fooled]
            ball = ball.keep(~fooled)
        gradient = gradient if ball.uniform else gradient * ball.span
        largest = gradient.abs().amax(1)
        unseen = ~((largest > 0) & (largest < float("inf")))
        shift = ball.step(shift, gradient, largest, STRIDE * ball.radius / steps)
        if unseen.any():
            shift = torch.where(unseen[:, None], ball.start(generator), shift)
        dark &= unseen
    points[rows], blind[rows] = ball.point(shift), dark


def _lead(logits: Tensor, y: Tensor) -> Tensor:
    """How far the best wrong class is ahead of the right one, (n,)."""
    right = logits.gather(1, y[:, None])
    wrong = logits.scatter(1, y[:, None], float("-inf")).amax(1)
    return wrong - right.squeeze(1)


def _fooled(logits: Tensor, y: Tensor) -> Tensor:
    return _lead(logits, y) > CLEAR * (1 + logits.abs().amax(1))


def _gradient(logits: Tensor, y: Tensor, point: Tensor) -> Tensor:
    """Of the loss, by the point, (n, d); zeros where a network hides it (rounding, a detour outside torch)."""
    import torch

    if not logits.requires_grad:
        return torch.zeros_like(point)
    (gradient,) = torch.autograd.grad(_loss(logits, y), point, materialize_grads=True)
    return gradient


def _loss(logits: Tensor, y: Tensor) -> Tensor:
    """Cross entropy, or the lead where cross entropy is 0 in float32 and so has lost the right class's gradient."""
    from torch.nn.functional import cross_entropy

    entropy: Tensor = cross_entropy(logits, y, reduction="none")
    saturated = entropy == 0
    if saturated.any():
        entropy = _lead(logits, y).where(saturated, entropy)
    return entropy.sum()


def _confess(evidence: Evidence, blind: np.ndarray) -> Evidence:
    """Say for how many rows there was no gradient to follow. That they held says nothing: they may have been won."""
    figures = {**evidence.figures, "rows without a gradient": float(blind.mean()) if len(blind) else 0.0}
    notes = evidence.notes
    if blind.any():
        notes += (f"{int(blind.sum())} rows gave no gradient: judge them by an attack that needs none",)
    perhaps = evidence.outcome | blind if blind.any() else None
    return replace(evidence, figures=figures, notes=notes, perhaps=perhaps)
