"""Kernels: convolutions in groups, with gaps or with uneven padding, as plain ones with zeros in their kernels."""

from __future__ import annotations

import numpy as np

Pads = tuple[int, int, int, int]
"""Zeros above, left, below and right of an image."""


def ungrouped(kernels: np.ndarray, groups: int) -> np.ndarray:
    """The kernels of a convolution in groups as those of one over all channels, 0 between groups."""
    out, channels, height, width = kernels.shape
    full = np.zeros((out, channels * groups, height, width))
    for group, part in enumerate(np.split(np.arange(out), groups)):
        full[part, group * channels : (group + 1) * channels] = kernels[part]
    return full


def dilated(kernels: np.ndarray, dilation: tuple[int, int]) -> np.ndarray:
    """Kernels with 0 between their taps."""
    (down, across), (height, width) = dilation, kernels.shape[2:]
    full = np.zeros((*kernels.shape[:2], (height - 1) * down + 1, (width - 1) * across + 1))
    full[:, :, ::down, ::across] = kernels
    return full


def even(kernels: np.ndarray, pads: Pads) -> tuple[np.ndarray, tuple[int, int]]:
    """Kernels grown by zeros, so that as much padding lies before an image as after it."""
    above, left, below, right = pads
    padding = max(above, below), max(left, right)
    grown = ((0, 0), (0, 0), (padding[0] - above, padding[0] - below), (padding[1] - left, padding[1] - right))
    return np.pad(kernels, grown), padding
