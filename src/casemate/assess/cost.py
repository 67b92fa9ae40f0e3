"""Cost: what an arm costs honest clients: accuracy, worst-group accuracy, refusals, false alarms, latency."""

from __future__ import annotations

import time

import numpy as np

from casemate.assess.cell import failure_of
from casemate.assess.threads import single_threaded
from casemate.core.assessment import Cost
from casemate.core.build import build
from casemate.core.dataset import Dataset
from casemate.core.evidence import Evidence
from casemate.core.guard import Guard
from casemate.core.request import FreshMemory, Request
from casemate.core.seeds import derive
from casemate.core.system import System

TIMED_REQUESTS = 60
MIN_GROUP_ROWS = 10


def price(system: System, arm: str, seed: int) -> Cost:
    """Measure an arm on the whole test set. Never raises, but for a keyboard interrupt.

    Each row is asked as a client's first request. Latency is the median over up to 60 single rows, in milliseconds of
    this machine, and the one figure of an assessment that differs from run to run.
    """
    try:
        with single_threaded():
            guard = build(system, derive(seed, "victim")).guard
            reply = guard.ask(Request(system.test.X, memory=FreshMemory()))
            latency = _latency(guard, system.test)
    except Exception as error:
        return Cost(arm, failure=failure_of(error))
    correct = reply.labels == system.test.y
    rows = _groups(system.test, correct)
    groups = {name: float(right.mean()) for name, right in rows.items()}
    return Cost(
        arm,
        accuracy=float(correct.mean()),
        refusals=float(reply.refused.mean()),
        false_alarms=float(reply.alarmed.mean()),
        worst_group=min(groups.items(), key=lambda item: item[1]) if groups else None,
        latency_ms=latency,
        correct=Evidence.rate("accuracy", won=correct, ids=system.test.ids),
        group_accuracy=groups,
        groups=rows,
    )


def _latency(guard: Guard, test: Dataset) -> float:
    taken = []
    for row in range(min(TIMED_REQUESTS, len(test))):
        request = Request(test.X[row : row + 1], memory=FreshMemory())
        started = time.perf_counter()
        guard.ask(request)
        taken.append(time.perf_counter() - started)
    return round(float(np.median(taken)) * 1e3, 4)


def _groups(test: Dataset, correct: np.ndarray) -> dict[str, np.ndarray]:
    """Whether each row of every declared group with enough rows is answered correctly, as ``column=value``."""
    found = {}
    for name, values in test.groups.items():
        for value in np.unique(values[values != ""]):
            rows = values == value
            if rows.sum() >= MIN_GROUP_ROWS:
                found[f"{name}={value}"] = correct[rows]
    return found
