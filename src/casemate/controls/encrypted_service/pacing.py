"""Pacing: refusals leave at fixed times after a message came, so that their time says nothing of their reason."""

from __future__ import annotations

import math

BUCKET = 0.25
"""Seconds from one possible time to the next."""


def pause(taken: float, bucket: float = BUCKET) -> float:
    """Return how long to wait before a refusal leaves, in seconds.

    Every reason that is found within the first bucket leaves at the same moment. One that takes longer, such as a
    worker that dies while it computes, leaves at the end of a later one, and so tells which.

    Args:
        taken: seconds since the message had come whole.
        bucket: seconds from one possible time to the next.
    """
    return max(1, math.ceil(taken / bucket)) * bucket - taken
