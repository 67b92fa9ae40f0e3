"""Random numbers that belong to a place in the tree of cuts: the same on every engine, in every order.

A node's key is a 64-bit hash of the seed and of the way from the root. The functions work on uint64 arrays, and are
compiled as they stand by the fast kernel, for scalars.

Source: the finaliser of SplitMix64 (Steele, Lea & Flood, OOPSLA 2014).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

_LOW = np.uint64(0x9E3779B97F4A7C15)
_HIGH = np.uint64(0xD1B54A32D192ED03)
_DIMENSION = np.uint64(0x8CB92BA72F3D8DD7)
_A, _B = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)
_S30, _S27, _S31, _S11 = np.uint64(30), np.uint64(27), np.uint64(31), np.uint64(11)


def mix(key: Any) -> Any:
    """Return a hash of 64 bits."""
    key = (key ^ (key >> _S30)) * _A
    key = (key ^ (key >> _S27)) * _B
    return key ^ (key >> _S31)


def low_key(key: Any) -> Any:
    """Return the key of the low side of a cut."""
    return mix(key + _LOW)


def high_key(key: Any) -> Any:
    """Return the key of the high side of a cut."""
    return mix(key + _HIGH)


def target(key: Any, dimension: Any, size: Any, noise: float) -> Any:
    """Return twice the number of rows that the low side should have: ``size``, moved at random by 2 x noise x size."""
    drawn = mix(key ^ (dimension + np.uint64(1)) * _DIMENSION)
    share = (drawn >> _S11) * (2.0**-52) - 1.0
    return size + np.floor(share * 2.0 * noise * size)


def root_key(seed: int) -> NDArray[np.uint64]:
    """Return the key of the root, (1,)."""
    return np.asarray(mix(np.array([seed & 0xFFFFFFFFFFFFFFFF], dtype=np.uint64)))
