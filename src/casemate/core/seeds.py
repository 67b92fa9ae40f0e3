"""Seeds: one number per purpose, drawn from names, so that order and worker count change nothing."""

from __future__ import annotations

import hashlib

import numpy as np


def derive(seed: int, *names: str) -> int:
    """Return a seed in [0, 2**31) for the given purpose.

    The same ``(seed, names)`` give the same number on every machine, and different names give independent numbers.
    """
    text = "\x1f".join((str(seed), *names))
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "big") >> 1


def generator(seed: int, *names: str) -> np.random.Generator:
    """Return a numpy generator for the given purpose; see `derive`."""
    return np.random.default_rng(derive(seed, *names))
