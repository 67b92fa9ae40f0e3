"""Effects: from per-sample outcomes to estimates with intervals."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from casemate.core.evidence import Evidence
from casemate.core.finding import Effect
from casemate.core.statistics import (
    Interval,
    bootstrap_difference,
    clopper_pearson,
    independent_difference,
    paired_difference,
)


def effect_of(evidence: Evidence, level: float = 0.95) -> Effect | None:
    """Return the effect that evidence shows; None where it holds no sample.

    A rate carries the exact interval of Clopper and Pearson, a difference Tango's paired score interval. Where not
    every outcome is certain, the low end is that of what was surely won, the high end that of what may have been.
    """
    if not len(evidence):
        return None
    if evidence.kind == "rate":
        least, rate, most = (
            clopper_pearson(int((evidence.outcome if won is None else won).sum()), len(evidence), level)
            for won in (evidence.surely, evidence.outcome, evidence.perhaps)
        )
        return _effect(evidence.metric, replace(rate, low=least.low, high=most.high))
    return _effect(evidence.metric, paired_difference(_baseline(evidence), evidence.outcome, level))


def delta_of(before: Evidence, after: Evidence, level: float = 0.95) -> Effect | None:
    """Return by how much the effect shrank from one arm to another; positive is good for the defender.

    Samples that both arms hold are compared in pairs: Tango's interval for rates, the bootstrap over samples for
    differences. Rates without common samples are compared as independent (Newcombe). None where neither can be done.
    """
    common = _common(before, after)
    name = f"{after.metric}, less"
    if not len(common):
        if before.kind != "rate" or not len(before) or not len(after):
            return None
        a, b = before.outcome, after.outcome
        return _effect(name, independent_difference(int(a.sum()), len(a), int(b.sum()), len(b), level))
    before, after = before.on(common), after.on(common)
    if before.kind == "rate":
        return _effect(name, paired_difference(before.outcome, after.outcome, level))
    return _effect(name, bootstrap_difference(_loss(before), _loss(after), paired=True, level=level, seed=0))


def _common(before: Evidence, after: Evidence) -> np.ndarray:
    if before.ids is None or after.ids is None or before.kind != after.kind:
        return np.empty(0, dtype=np.int64)
    return np.intersect1d(before.ids, after.ids)


def _loss(evidence: Evidence) -> np.ndarray:
    return np.asarray(_baseline(evidence).astype(np.float64) - evidence.outcome)


def _baseline(evidence: Evidence) -> np.ndarray:
    assert evidence.baseline is not None, "a difference has a baseline"
    return evidence.baseline


def _effect(name: str, interval: Interval) -> Effect:
    return Effect(name, interval.value, interval.low, interval.high, interval.n, interval.level, interval.method)
