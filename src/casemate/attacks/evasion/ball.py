"""What rows can reach within a radius and their box, and how to move there; for attacks that follow a gradient."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from casemate.core.access import Norm

if TYPE_CHECKING:
    import torch
    from torch import Tensor

WHOLE = 1 + 1e-6  # a move of 2.9999998 is one of 3 that float32 has worn
TINY = 1e-30


@dataclass(frozen=True)
class Ball:
    """Rows and their surroundings. A shift is a change of the rows in the unit box, (n, d) float32.

    Args:
        x: the rows, (n, d) float32, in their own units.
        y: their labels, (n,) int64.
        span: turns a shift into the columns' own units, (d,); 0 where a column cannot change.
        floor, ceiling: smallest and largest shifts, (n, d); between them lies 0.
        radius: largest shift in the norm.
        norm: ``"linf"`` or ``"l2"``.
        whole: columns that change by whole numbers only, (d,) bool; None where there are none.
        uniform: whether all columns have one span, as in images: then a gradient points the same way in both units.
    """

    x: Tensor
    y: Tensor
    span: Tensor
    floor: Tensor
    ceiling: Tensor
    radius: float
    norm: Norm
    whole: Tensor | None
    uniform: bool

    @classmethod
    def around(
        cls,
        x: Tensor,
        y: Tensor,
        low: Tensor,
        high: Tensor,
        radius: float,
        norm: Norm,
        movable: Tensor | None,
        whole: Tensor | None,
    ) -> Ball:
        """Work out what can be reached from ``x``; see `casemate.attacks.evasion.pgd.pgd` for the arguments.

        A row outside its box may stay where it is, and moves towards the box only.
        """
        import torch

        width = torch.where(high > low, high - low, 1.0)
        floor, ceiling = ((low - x) / width).clamp(max=0), ((high - x) / width).clamp(min=0)
        if norm == "linf":
            floor, ceiling = floor.clamp(min=-radius), ceiling.clamp(max=radius)
        can = (high > low) if movable is None else (high > low) & movable
        span = width * can
        whole = whole if whole is not None and bool((whole & can).any()) else None
        return cls(x, y, span, floor, ceiling, radius, norm, whole, bool(can.all() and (span == span[0]).all()))

    def keep(self, rows: Tensor) -> Ball:
        """Return the ball around the rows under the mask."""
        return replace(self, x=self.x[rows], y=self.y[rows], floor=self.floor[rows], ceiling=self.ceiling[rows])

    def start(self, generator: torch.Generator | None) -> Tensor:
        """Draw shifts: uniform in the linf ball; in l2 of uniform direction and uniform length."""
        import torch

        if self.norm == "linf":
            drawn = torch.rand(self.x.shape, generator=generator) * 2 - 1
            return self.clip(drawn * self.radius)
        drawn = torch.randn(self.x.shape, generator=generator) * (self.span > 0)
        length = torch.rand((len(self.x), 1), generator=generator) * self.radius
        return self.clip(drawn * (length / drawn.norm(dim=1, keepdim=True).clamp(min=TINY)))

    def step(self, shift: Tensor, gradient: Tensor, largest: Tensor, size: float) -> Tensor:
        """Climb by ``size`` in the norm, and come back into the ball. Overwrites ``shift``.

        Args:
            shift: where the rows are.
            gradient: of the loss, in the unit box up to a common factor.
            largest: its largest entry in each row, (n,), above 0; other rows come out as NaN in l2.
            size: how far to go.
        """
        if self.norm == "linf":
            return self.clip(shift.add_(gradient.sign(), alpha=size))
        # Scaled by the largest entry first: squares of tiny gradients would vanish in float32.
        gradient = gradient / largest[:, None]
        return self.clip(shift.add_(gradient / gradient.norm(dim=1, keepdim=True), alpha=size))

    def clip(self, shift: Tensor) -> Tensor:
        """Bring the shift into the radius, in place, then into the box; the second does not undo the first."""
        if self.norm == "l2":
            shift *= self.radius / shift.norm(dim=1, keepdim=True).clamp(min=max(self.radius, TINY))
        return shift.clamp_(self.floor, self.ceiling)

    def point(self, shift: Tensor) -> Tensor:
        """Return the rows in their own units; whole numbers round towards the start, so that none goes too far."""
        import torch

        if self.whole is None:
            return torch.addcmul(self.x, shift, self.span)
        move = shift * self.span
        return self.x + move.where(~self.whole, (move * WHOLE).trunc())
