"""Noise from OpenDP's vetted samplers: on whole numbers only, so that the bits of a float tell nothing."""

from __future__ import annotations

import math
from types import ModuleType
from typing import Any

import numpy as np

from casemate.core.errors import ExtraMissing

GRID = 1 << 20
"""Values are rounded to so many steps between zero and the larger bound before they are summed."""
CANDIDATES = 1001
"""Places between the bounds at which a quantile may be reported."""


def laplace(values: np.ndarray, sensitivity: int, epsilon: float) -> tuple[np.ndarray, float]:
    """Return whole numbers (n,) with Laplace noise, and the noise's scale.

    Args:
        sensitivity: by how much one person can change all of them together (l1).
        epsilon: privacy loss that this may cost.

    Source: Dwork, McSherry, Nissim & Smith, TCC 2006; sampled exactly as Canonne, Kamath & Steinke, NeurIPS 2020.
    """
    dp = opendp()
    space = dp.vector_domain(dp.atom_domain(T=int)), dp.l1_distance(T=int)
    measure = _within(lambda scale: dp.m.make_laplace(*space, scale=scale), sensitivity, epsilon, sensitivity / epsilon)
    return np.array(measure.made(values.astype(np.int64).tolist()), dtype=np.int64), measure.scale


def frequent(counts: np.ndarray, contributions: int, epsilon: float, delta: float) -> np.ndarray:
    """Return the positions of counts (n,) that may be told of: those whose noisy value is above a threshold.

    Which groups exist is private too. A group that one person alone fills is shown with probability at most ``delta``.

    Source: Rogers, "A unifying privacy analysis framework for unknown domain algorithms", 2023 (arXiv 2309.09170).
    """
    dp = opendp()
    space = (
        dp.map_domain(dp.atom_domain(T=int), dp.atom_domain(T=int)),
        dp.l01inf_distance(dp.absolute_distance(T=int)),
    )
    scale = contributions / epsilon
    # One person's `contributions` rows may fall into that many groups of which nobody else is.
    threshold = contributions + math.ceil(scale * math.log(max(contributions, 1) / (2 * delta))) + 1
    bound = (contributions, contributions, contributions)
    while True:
        made = dp.m.make_laplace_threshold(*space, scale=scale, threshold=threshold)
        spent, failing = made.map(bound)
        if spent > epsilon:
            scale *= 1 + 1e-9 + (spent / epsilon - 1)
        elif failing > delta:
            threshold += max(1, math.ceil(scale * math.log(failing / delta)))
        else:
            break
    shown = made({index: int(count) for index, count in enumerate(counts) if count})
    return np.array(sorted(shown), dtype=np.int64)


def quantile(values: np.ndarray, low: float, high: float, at: float, contributions: int, epsilon: float) -> float:
    """Return a quantile of values (n,), reported at one of `CANDIDATES` places between the bounds.

    Source: Smith, STOC 2011; McKenna & Sheldon, "Permute-and-flip", NeurIPS 2020.
    """
    dp = opendp()
    places = np.linspace(low, high, CANDIDATES)
    score = dp.t.make_quantile_score_candidates(
        dp.vector_domain(dp.atom_domain(T=float, nan=False)), dp.symmetric_distance(), places.tolist(), alpha=at
    )

    def make(scale: float) -> Any:
        # Scores count how far a place is from the quantile: the least wins.
        space = score.output_domain, score.output_metric, dp.max_divergence()
        return score >> dp.m.make_noisy_max(*space, scale=scale, negate=True)

    measure = _within(make, contributions, epsilon, 2 * score.map(contributions) / epsilon)
    return float(places[measure.made(values.astype(np.float64).tolist())])


class _Measure:
    """A measurement and the scale at which it keeps within its budget."""

    def __init__(self, made: Any, scale: float) -> None:
        self.made, self.scale = made, scale


def _within(make: Any, distance: int, epsilon: float, scale: float) -> _Measure:
    """Return the measurement whose loss, as OpenDP itself bounds it, is at most epsilon; from a first guess upwards."""
    while True:
        made = make(scale)
        spent = made.map(distance)
        if spent <= epsilon:
            return _Measure(made, scale)
        scale *= max(1 + 1e-9, spent / epsilon)


def opendp() -> ModuleType:
    """Return OpenDP's prelude.

    Raises:
        ExtraMissing: it is not installed.
    """
    try:
        import opendp.prelude as dp
    except ImportError as error:
        raise ExtraMissing(
            "differentially private aggregates need OpenDP",
            why="noise of our own making would be noise that nobody has vetted",
            fix="pip install 'casemate[dp]'",
        ) from error
    dp.enable_features("contrib")
    return dp
