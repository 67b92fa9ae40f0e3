"""What a server saw, as pictures: the row in the clear, and beside it the numbers of the ciphertext that came."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from markupsafe import Markup, escape

from casemate.report import words
from casemate.report.picture import png

MOST_FEATURES = 40
"""Features that are drawn; of more, the page says how many are left out."""

_LINE, _NAME, _BAR, _VALUE = 15, 150, 130, 60
_WIDTH, _HEIGHT, _FLOOR = 320, 110, 92
_INK, _PAPER = np.array([12, 90, 115]), np.array([238, 243, 244])


def row_bars(names: Sequence[str], row: Sequence[float], low: Sequence[float], high: Sequence[float]) -> Markup:
    """Return a row as bars, one for each feature, from the low to the high end of its range, with its value.

    Args:
        names, row, low, high: one of each for every feature.
    """
    parts = []
    shown = list(zip(names, row, low, high, strict=True))[:MOST_FEATURES]
    for place, (name, value, least, most) in enumerate(shown):
        top = place * _LINE
        span = most - least
        known = math.isfinite(value) and math.isfinite(span) and span > 0
        share = min(max((value - least) / span, 0.0), 1.0) if known else 0.5
        parts += [
            f'<text class="name" x="{_NAME - 8}" y="{top + 11}">{escape(words.clip(words.printable(name), 24))}</text>',
            f'<rect class="rest" x="{_NAME}" y="{top + 4}" width="{_BAR}" height="7" rx="2"/>',
            f'<rect class="part" x="{_NAME}" y="{top + 4}" width="{max(share * _BAR, 1):.1f}" height="7" rx="2"/>',
            f'<text class="value" x="{_NAME + _BAR + 8}" y="{top + 11}">{words.figure(value)}</text>',
        ]
    said = "; ".join(f"{words.printable(name)}: {words.figure(value)}" for name, value, _, _ in shown)
    return _svg("row", _NAME + _BAR + _VALUE, max(len(shown), 1) * _LINE, said, parts)


def residue_bars(bins: Sequence[int]) -> Markup:
    """Return how many residues lie in each part of 0 to the prime, as bars that are level where nothing is told."""
    total, tallest = max(sum(bins), 1), max([*bins, 1])
    step = _WIDTH / max(len(bins), 1)
    parts = []
    for place, count in enumerate(bins):
        height = count / tallest * (_FLOOR - 6)
        parts.append(
            f'<rect class="bin" x="{place * step:.1f}" y="{_FLOOR - height:.1f}" '
            f'width="{max(step - 0.8, 0.5):.1f}" height="{height:.1f}"/>'
        )
    level = _FLOOR - total / max(len(bins), 1) / tallest * (_FLOOR - 6)
    parts += [
        f'<path class="level" d="M0 {level:.1f}H{_WIDTH}"/>',
        f'<text class="left" x="0" y="{_HEIGHT - 4}">0</text>',
        f'<text class="right" x="{_WIDTH}" y="{_HEIGHT - 4}">the prime</text>',
    ]
    return _svg("residues", _WIDTH, _HEIGHT, f"{total:,} residues in {len(bins)} parts, all about equally many", parts)


def noise(sample: bytes) -> str:
    """Return residues as a square of pixels in a PNG data URI; "" where there are none.

    Args:
        sample: their shades, 0 to 255, one after the other.
    """
    side = math.isqrt(len(sample))
    if not side:
        return ""
    shares = np.frombuffer(sample, np.uint8)[: side * side].reshape(side, side, 1) / 255
    return png(_PAPER + (_INK - _PAPER) * shares)


def _svg(kind: str, width: int, height: int, said: str, parts: Sequence[str]) -> Markup:
    head = f'<svg class="{kind}" viewBox="0 0 {width} {height}" role="img" aria-label="{escape(said)}">'
    return Markup(head + "".join(parts) + "</svg>")  # noqa: S704  (numbers, and names that were escaped)
