"""A histogram as inline SVG: drawn from numbers alone, coloured by the page's style sheet, readable without colour."""

from __future__ import annotations

import math
from collections.abc import Sequence

from markupsafe import Markup, escape

_WIDTH, _HEIGHT = 640, 190
_TOP, _BOTTOM, _GAP = 22, 26, 10


def histogram(shares: Sequence[float], labels: Sequence[str], exposed: int = 4) -> Markup:
    """Return bars for shares, each with its label below and its percentage above.

    Args:
        shares: heights, in 0 to 1.
        labels: what each bar stands for, as many as shares.
        exposed: how many of the first bars are drawn as dangerous.
    """
    heights = [share if math.isfinite(share) else 0.0 for share in shares]
    tallest = max([*heights, 1e-9])
    step = _WIDTH / max(len(heights), 1)
    floor = _HEIGHT - _BOTTOM
    parts = [f'<path class="track" d="M0 {floor}H{_WIDTH}"/>']
    for place, (share, label) in enumerate(zip(heights, labels, strict=True)):
        height = share / tallest * (floor - _TOP)
        left, middle = place * step + _GAP / 2, (place + 0.5) * step
        kind = "exposed" if place < exposed else "safe"
        parts += [
            f'<rect class="{kind}" x="{left:.1f}" y="{floor - height:.1f}" {_size(step - _GAP, height)} rx="2"/>',
            f'<text x="{middle:.1f}" y="{floor - height - 6:.1f}">{share:.1%}</text>' if share else "",
            f'<text class="label" x="{middle:.1f}" y="{_HEIGHT - 8}">{escape(label)}</text>',
        ]
    said = "; ".join(f"{label}: {share:.1%}" for label, share in zip(labels, heights, strict=True))
    head = f'<svg class="histogram" viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="{escape(said)}">'
    return Markup(head + "".join(parts) + "</svg>")  # noqa: S704  (numbers, and labels that were escaped)


def _size(width: float, height: float) -> str:
    return f'width="{width:.1f}" height="{height:.1f}"'
