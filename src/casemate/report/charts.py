"""Charts: small inline SVG, drawn from numbers alone, coloured by the page's style sheet."""

from __future__ import annotations

import math

from markupsafe import Markup

from casemate.core.finding import Effect

WIDTH, HEIGHT, EDGE = 120, 14, 3


def interval_bar(effect: Effect | None, limit: float | None) -> Markup:
    """Return an effect on a line from 0 to 100 %: a band for the interval, a dot, and a tick at the limit.

    Whatever lies below 0 is drawn at 0; the numbers beside it tell.
    """
    if effect is None or not all(map(math.isfinite, (effect.value, effect.low, effect.high))):
        return Markup("")
    middle = HEIGHT / 2
    low, high, value = _x(effect.low), _x(effect.high), _x(effect.value)
    parts = [
        f'<path class="track" d="M{EDGE} {middle:g}H{WIDTH - EDGE}"/>',
        f'<rect class="band" x="{low:g}" y="{middle - 3:g}" width="{max(high - low, 1):g}" height="6" rx="2"/>',
        f'<circle class="dot" cx="{value:g}" cy="{middle:g}" r="2.6"/>',
    ]
    if limit is not None and math.isfinite(limit):
        parts.insert(1, f'<path class="limit" d="M{_x(limit):g} 0V{HEIGHT}"/>')
    return _svg("interval", WIDTH, HEIGHT, parts)


def bar(value: float | None, largest: float) -> Markup:
    """Return a bar from 0 to ``value``, the full width standing for ``largest``."""
    if value is None or largest <= 0 or not math.isfinite(value):
        return Markup("")
    share = min(max(value / largest, 0.0), 1.0)
    return _svg(
        "bar",
        WIDTH,
        8,
        [
            f'<rect class="rest" y="1" width="{WIDTH}" height="6" rx="2"/>',
            f'<rect class="part" y="1" width="{share * WIDTH:.4g}" height="6" rx="2"/>',
        ],
    )


def _x(value: float) -> float:
    return round(EDGE + min(max(value, 0.0), 1.0) * (WIDTH - 2 * EDGE), 1)


def _svg(kind: str, width: int, height: int, parts: list[str]) -> Markup:
    head = f'<svg class="{kind}" viewBox="0 0 {width} {height}" width="{width}" height="{height}" aria-hidden="true">'
    return Markup(head + "".join(parts) + "</svg>")  # noqa: S704  (numbers and the names above, nothing else)
