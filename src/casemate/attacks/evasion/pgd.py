"""Projected gradient descent: climb the loss within a radius of each row until the answer is wrong.

Source: Madry, Makelov, Schmidt, Tsipras & Vladu, "Towards Deep Learning Models Resistant to Adversarial Attacks",
ICLR 2018 (arXiv 1706.06083), section 2.1 and the 40 steps of section 4.

Three things differ from the paper, and none weakens the attack. A row leaves the batch at its first wrong answer, so
that only rows that still hold cost passes. Where cross entropy saturates in float32 the logit margin is climbed
instead, since the gradient of a loss of 0 says nothing. A row whose gradient is exactly 0 draws a new start.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from casemate.attacks.evasion import twin
from casemate.core.access import Access, Norm
from casemate.core.attack import attack
from casemate.core.evidence import Evidence
from casemate.core.target import Target

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    Network = Callable[[Tensor], Tensor]

STEPS = 40
BATCH = 256  # beyond this a CPU gains nothing and memory grows
WHOLE = 1 + 1e-6  # a move of 2.9999998 is one of 3 that float32 has worn
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
    """Madry et al., ICLR 2018: 40 gradient steps from a random start, in linf or l2 within the unit box.

    Immutable columns and one-hot groups stay as they are (a gradient does not jump between categories); whole numbers
    move in whole steps.
    """
    import torch

    victims, budget = target.victims, target.budget
    schema = victims.schema
    assert budget.radius is not None  # the declared needs hold a default
    movable = schema.mutable.copy()
    for group in schema.one_hot_groups:
        movable[group] = False
    generator = torch.Generator().manual_seed(int(target.rng.integers(2**31)))
    found, blind = [np.empty_like(victims.X[:0])], [np.empty(0, dtype=bool)]
    for start in range(0, len(victims), BATCH):
        part = victims.take(np.arange(start, min(start + BATCH, len(victims))))
        x = torch.tensor(part.X, dtype=torch.float32)
        climb = pgd(
            target.network,
            x,
            torch.tensor(part.y),
            torch.tensor(schema.low, dtype=torch.float32),
            torch.tensor(schema.high, dtype=torch.float32),
            radius=budget.radius,
            norm=budget.norm or "linf",
            movable=torch.tensor(movable),
            whole=torch.tensor(schema.integral),
            generator=generator,
        )
        # What was not moved keeps its float64 value to the last bit.
        found.append(schema.project(part.X + (climb.points - x).numpy().astype(np.float64), part.X))
        blind.append(climb.blind.numpy())
    return _confess(target.present(np.concatenate(found), origin=victims), np.concatenate(blind))


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

    At most ``steps`` forward and backward passes; the step is 2.5 ``radius / steps`` (Madry et al., section B).

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

    ball = _ball(x, y, low, high, radius, norm, movable, whole)
    points, rows = x.clone(), torch.arange(len(x))
    blind = torch.ones(len(x), dtype=torch.bool)
    shift = ball.start(generator)
    for _ in range(steps):
        point = ball.point(shift).requires_grad_()
        logits = network(point)
        lead = _lead(logits, ball.y)
        fooled = lead.detach() > CLEAR * (1 + logits.detach().abs().amax(1))
        if fooled.any():
            points[rows[fooled]] = point.detach()[fooled]
            blind[rows[fooled]] = False
            if fooled.all():
                return Climb(points, blind)
        (gradient,) = torch.autograd.grad(_loss(logits, ball.y, lead).sum(), point)
        if fooled.any():
            rows, shift, gradient, ball = rows[~fooled], shift[~fooled], gradient[~fooled], ball.keep(~fooled)
        gradient = torch.nan_to_num(gradient * ball.span, nan=0.0, posinf=0.0, neginf=0.0)
        seen = (gradient != 0).any(1)
        shift = ball.step(shift, gradient, 2.5 * radius / steps)
        if not seen.all():
            shift = torch.where(seen[:, None], shift, ball.start(generator))
        blind[rows[seen]] = False
    points[rows] = ball.point(shift)
    return Climb(points, blind)


@dataclass(frozen=True)
class _Ball:
    """What the rows can reach. A shift is a change in the unit box, (n, d); its floor and ceiling hold 0.

    ``span`` (d,) turns a shift into the columns' own units and is 0 where a column cannot change.
    """

    x: Tensor
    y: Tensor
    span: Tensor
    floor: Tensor
    ceiling: Tensor
    radius: float
    norm: Norm
    whole: Tensor | None

    def keep(self, rows: Tensor) -> _Ball:
        """Return the ball around the rows under the mask."""
        return replace(self, x=self.x[rows], y=self.y[rows], floor=self.floor[rows], ceiling=self.ceiling[rows])

    def start(self, generator: torch.Generator | None) -> Tensor:
        """Draw shifts: uniform in the linf ball; in l2 a uniform direction and a uniform length."""
        import torch

        if self.norm == "linf":
            drawn = torch.rand(self.x.shape, generator=generator) * 2 - 1
            return self.clip(drawn * self.radius)
        drawn = torch.randn(self.x.shape, generator=generator) * (self.span > 0)
        length = torch.rand((len(self.x), 1), generator=generator) * self.radius
        return self.clip(_unit_length(drawn) * length)

    def step(self, shift: Tensor, gradient: Tensor, size: float) -> Tensor:
        """Climb by ``size`` in the norm, and come back into the ball."""
        direction = gradient.sign() if self.norm == "linf" else _unit_length(gradient)
        return self.clip(shift + size * direction)

    def clip(self, shift: Tensor) -> Tensor:
        """Return the nearest shift in the radius, then in the box; the second does not undo the first."""
        if self.norm == "l2":
            shift = shift * (self.radius / shift.norm(dim=1, keepdim=True).clamp(min=max(self.radius, 1e-30)))
        return shift.clamp(self.floor, self.ceiling)

    def point(self, shift: Tensor) -> Tensor:
        """Return the rows in their own units; whole numbers round towards the start, so that none goes too far."""
        move = shift * self.span
        if self.whole is not None:
            move = move.where(~self.whole, (move * WHOLE).trunc())
        return self.x + move


def _ball(
    x: Tensor,
    y: Tensor,
    low: Tensor,
    high: Tensor,
    radius: float,
    norm: Norm,
    movable: Tensor | None,
    whole: Tensor | None,
) -> _Ball:
    import torch

    width = torch.where(high > low, high - low, 1.0)
    floor, ceiling = ((low - x) / width).clamp(max=0), ((high - x) / width).clamp(min=0)
    if norm == "linf":
        floor, ceiling = floor.clamp(min=-radius), ceiling.clamp(max=radius)
    can = (high > low) if movable is None else (high > low) & movable
    whole = whole if whole is not None and bool((whole & can).any()) else None
    return _Ball(x, y, width * can, floor, ceiling, radius, norm, whole)


def _unit_length(v: Tensor) -> Tensor:
    # Scaled by the largest entry first: squares of tiny gradients would vanish in float32.
    v = v / v.abs().amax(1, keepdim=True).clamp(min=1e-38)
    return v / v.norm(dim=1, keepdim=True).clamp(min=1e-12)


def _lead(logits: Tensor, y: Tensor) -> Tensor:
    """How far the best wrong class is ahead of the right one, (n,)."""
    right = logits.gather(1, y[:, None])
    wrong = logits.scatter(1, y[:, None], float("-inf")).amax(1)
    return wrong - right.squeeze(1)


def _loss(logits: Tensor, y: Tensor, lead: Tensor) -> Tensor:
    """Cross entropy, or the lead where cross entropy is 0 in float32 and so has lost the right class's gradient."""
    from torch.nn.functional import cross_entropy

    entropy: Tensor = cross_entropy(logits, y, reduction="none")
    return entropy.where(entropy > 0, lead)


def _confess(evidence: Evidence, blind: np.ndarray) -> Evidence:
    """Say for how many rows there was no gradient to follow: they held because the attack saw nothing."""
    figures = {**evidence.figures, "rows without a gradient": float(blind.mean()) if len(blind) else 0.0}
    notes = evidence.notes
    if blind.any():
        notes += (f"{int(blind.sum())} rows gave no gradient: judge them by an attack that needs none",)
    return replace(evidence, figures=figures, notes=notes)
