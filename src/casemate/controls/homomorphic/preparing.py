"""Preparing: what a client may ask, and how it scales that, so that what is encrypted lies between -1 and 1."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from casemate.controls.homomorphic.circuits import Circuit, Convolution, Scaled
from casemate.controls.homomorphic.drafts import Channelwise, Draft
from casemate.controls.homomorphic.merging import circuit_steps, identity, joined, merged
from casemate.core.errors import OutOfRange, ShapeMismatch

Ranges = tuple[np.ndarray, np.ndarray]
"""Lowest and highest value of each feature, (features,)."""


def ranges_of(draft: Draft, rows: np.ndarray, room: float, asked: Ranges | None) -> Ranges:
    """Return the range of each feature that a program answers for.

    Args:
        draft: whose own limits hold too; the channels of an image have one range for all their pixels.
        rows: the calibration rows, (n, features).
        room: how much wider than the rows a range is at each end, as a share of its width.
        asked: ranges that the user declares, in place of the rows'.

    Raises:
        ShapeMismatch: declared ranges of another shape.
        OutOfRange: declared ranges that are empty or not finite, or calibration rows outside of them.
    """
    if asked is None:
        low, high = rows.min(axis=0), rows.max(axis=0)
        if len(draft.shape) > 1:
            low, high = _by_channel(low, draft, np.min), _by_channel(high, draft, np.max)
        low, high = low - room * (high - low), high + room * (high - low)
    else:
        low, high = _shaped(asked, draft)
    if draft.low is not None and draft.high is not None:
        low, high = np.maximum(low, draft.low), np.minimum(high, draft.high)
    if not (np.isfinite(low).all() and np.isfinite(high).all() and (low <= high).all()):
        feature = int(np.flatnonzero(~(np.isfinite(low) & np.isfinite(high) & (low <= high)))[0])
        raise OutOfRange(
            f"the range of feature {feature} is {low[feature]:g} to {high[feature]:g}",
            why="a program answers for finite ranges, and no value would lie in this one",
            fix="correct the ranges, or give calibration rows within them",
        )
    outside = (rows < low) | (rows > high)
    if outside.any():
        row, feature = np.argwhere(outside)[0].tolist()
        raise OutOfRange(
            f"feature {feature} is {rows[row, feature]:g}, outside {low[feature]:g} to {high[feature]:g}",
            where=f"calibration row {row + 1}",
            why="the program is calibrated on rows that it would refuse",
            fix="widen the ranges, or leave such rows out",
        )
    return low, high


def prepared(draft: Draft, ranges: Ranges, semantics: str) -> Circuit:
    """Return the circuit of a draft without functions, for rows that the client has scaled to -1 to 1.

    Args:
        draft: its steps are linear ones and polynomials.
        ranges: see `ranges_of`.
        semantics: see `Circuit`.
    """
    low, high = ranges
    steps = merged(draft.steps, draft.features)
    lead = steps.pop(0) if isinstance(steps[0], Channelwise) else identity(draft.features)
    first = steps[0]
    assert isinstance(lead, Channelwise)
    if isinstance(first, Convolution):  # its padding is 0 after scaling: the client shifts as the model does, no more
        shift, channels = -lead.offsets / lead.scales, first.image[0]
        reach = np.maximum(np.abs(low - shift), np.abs(high - shift)) * np.abs(lead.scales)
        reach = reach.reshape(channels, -1).max(axis=1)
        reach = np.where(reach > 0, reach, 1.0)
        scaled = Channelwise(reach, np.zeros(channels), draft.features // channels)
        preparation = Scaled(shift, scaled.scales / lead.scales, low, high)
        steps[0] = joined(scaled, first)
    else:
        middle, half = (low + high) / 2, (high - low) / 2
        half = np.where(half > 0, half, 1.0)
        steps.insert(0, joined(Channelwise(half, middle), lead))
        preparation = Scaled(middle, half, low, high)
    return Circuit(preparation, circuit_steps(steps, draft.features), draft.answer, draft.classes, semantics)


def _shaped(asked: Ranges, draft: Draft) -> Ranges:
    try:
        low, high = (np.array(np.broadcast_to(end, draft.features), np.float64) for end in asked)
    except ValueError as error:
        raise ShapeMismatch(
            f"ranges are declared for {', '.join(str(np.size(end)) for end in asked)} features",
            why=f"the model takes {draft.features}",
            fix="give a lowest and a highest value for each feature, or one of each for all",
        ) from error
    return low, high


def _by_channel(ends: np.ndarray, draft: Draft, extreme: Callable[..., np.ndarray]) -> np.ndarray:
    """One end for all pixels of a channel."""
    channels = draft.shape[0] if len(draft.shape) == 3 else 1
    return np.repeat(extreme(ends.reshape(channels, -1), axis=1), draft.features // channels)
