"""Bars: the summary of a column as a small inline SVG, one bar a bucket, with its words and shares beside it."""

from __future__ import annotations

from markupsafe import Markup, escape

from casemate.core.provenance import Summary
from casemate.lineage.drawing.lettering import fitted, printable

LABEL, BAR, LINE = 92, 84, 15
SHARE = 40
"""Pixels: room for a label, for the longest bar, for a line, and for a share."""


def bars(summary: Summary | None, largest: float = 0.0) -> Markup:
    """Return the buckets of a summary; nothing where it has none.

    Args:
        summary: of a column.
        largest: the share that the longest bar stands for, so that two pictures compare; 0 for its own largest.
    """
    if summary is None or not summary.shares:
        return Markup("")
    most = max(largest, *summary.shares.values()) or 1.0
    parts = [_bar(i, label, share, most) for i, (label, share) in enumerate(summary.shares.items())]
    width, height = LABEL + BAR + SHARE, LINE * len(parts)
    heard = escape(", ".join(f"{printable(label)} {share:.1%}" for label, share in summary.shares.items()))
    head = f'<svg class="bars" viewBox="0 0 {width} {height}" width="{width}" height="{height}" role="img"'
    return Markup(f'{head} aria-label="{heard}">{"".join(parts)}</svg>')  # noqa: S704  (words are escaped)


def _bar(position: int, label: str, share: float, most: float) -> str:
    middle = position * LINE + 11
    words = escape(fitted(printable(label), LABEL - 6, 10.5))
    length = max(share / most * BAR, 0.6)
    return (
        f'<text x="{LABEL - 6}" y="{middle}" text-anchor="end">{words}</text>'
        f'<rect x="{LABEL}" y="{middle - 8}" width="{length:.1f}" height="9" rx="1.5"/>'
        f'<text x="{LABEL + length + 4:.1f}" y="{middle}">{escape(_percent(share))}</text>'
    )


def _percent(share: float) -> str:
    return "<1%" if 0 < share < 0.005 else f"{share:.0%}"


def told(summary: Summary) -> str:
    """Return the counts and the ends of a summary in words."""
    parts = [f"{summary.rows:,} rows", f"{summary.distinct:,} distinct"]
    if summary.missing:
        parts.append(f"{summary.missing:,} missing")
    if summary.low or summary.high:
        parts.append(f"from {summary.low} to {summary.high}")
    return ", ".join(parts)
