"""Order: published rows lie in an order that tells nothing of where they lay, the same for every engine.

A raw table is often sorted by what must not be told: by name, or by the day of admission. Each row is given the key
``mix(seed + position)``, a bijection of 64 bits (SplitMix64: Steele, Lea & Flood, OOPSLA 2014), and rows are published
in the order of their keys. The seed comes from the raw file's content: who does not hold that file cannot undo it.
"""

from __future__ import annotations

import hashlib

import numpy as np

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_FIRST = np.uint64(0xBF58476D1CE4E5B9)
_SECOND = np.uint64(0x94D049BB133111EB)


def order_seed(*parts: str) -> int:
    """Return a seed of 64 bits from texts, such as the digest of the raw file and the purpose."""
    text = "\x1f".join(parts).encode()
    return int.from_bytes(hashlib.blake2b(text, digest_size=8, person=b"casemate-order").digest(), "big")


def order_keys(seed: int, positions: np.ndarray) -> np.ndarray:
    """Return the key of each position (n,) in the raw table, (n,) uint64; different positions have different keys."""
    with np.errstate(over="ignore"):
        mixed = (positions.astype(np.uint64) + np.uint64(1)) * _GOLDEN + np.uint64(seed)
        mixed = (mixed ^ (mixed >> np.uint64(30))) * _FIRST
        mixed = (mixed ^ (mixed >> np.uint64(27))) * _SECOND
        return np.asarray(mixed ^ (mixed >> np.uint64(31)))
