"""Lettering: how wide text is likely to be on the page, cut to fit, and shown as what it says."""

from __future__ import annotations

import unicodedata
from functools import lru_cache

NARROW, WIDE = frozenset("iljtfrI.,:;|!'`()[]{}/\\ "), frozenset("mwMW@%—…")
SIZES = (0.36, 0.95, 0.73, 0.62)
"""Widths of narrow, wide, capital and other letters of a sans serif, in parts of the size."""


@lru_cache(maxsize=4096)
def width(text: str, size: float = 12) -> float:
    """Return about how many pixels text takes in a sans serif of a size; rather too many."""
    return size * sum(map(_share, text))


def fitted(text: str, room: float, size: float = 12) -> str:
    """Return text, cut in its middle where it is wider than the room in pixels: beginnings and ends both tell."""
    if width(text, size) <= room:
        return text
    half = (room - width("…", size)) / 2
    head, tail = _prefix(text, half, size), _prefix(text[::-1], half, size)[::-1]
    return f"{head}…{tail}"


def printable(text: str, most: int = 2000) -> str:
    """Return text without control characters and marks that reorder it, and no more than so many characters."""
    shown = "".join("\ufffd" if unicodedata.category(char) in ("Cc", "Cf", "Cs") else char for char in text[:most])
    return shown if len(text) <= most else f"{shown} [{len(text) - most:,} characters left out]"


def _prefix(text: str, room: float, size: float) -> str:
    taken = 0.0
    for position, char in enumerate(text):
        taken += size * _share(char)
        if taken > room:
            return text[:position]
    return text


def _share(char: str) -> float:
    if char in NARROW:
        return SIZES[0]
    if char in WIDE:
        return SIZES[1]
    if ord(char) > 0x2E7F:  # wide scripts, pictures
        return 1.05
    return SIZES[2] if char.isupper() else SIZES[3]
