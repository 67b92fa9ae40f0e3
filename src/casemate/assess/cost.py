"""Cost: what an arm costs those who mean no harm: clients of the model, and readers of the released table."""

from __future__ import annotations

import time
from dataclasses import replace

import numpy as np

from casemate.assess.cell import failure_of
from casemate.assess.loss import dropped, information_loss, suppressed
from casemate.assess.threads import single_threaded
from casemate.core.assessment import Cost
from casemate.core.build import build, release_of
from casemate.core.dataset import Dataset
from casemate.core.evidence import Evidence
from casemate.core.guard import Guard
from casemate.core.release import Release
from casemate.core.request import FreshMemory, Request
from casemate.core.seeds import derive
from casemate.core.system import System

TIMED_REQUESTS = 60
MIN_GROUP_ROWS = 10


def price(system: System, arm: str, seed: int) -> Cost:
    """Measure an arm on the whole test set and the whole table. Never raises, but for a keyboard interrupt.

    Each row is asked as a client's first request. Latency is the median over up to 60 single rows, in milliseconds of
    this machine, and the one figure of an assessment that differs from run to run.
    """
    cost = Cost(arm)
    try:
        with single_threaded():
            if system.answers:
                cost = _of_model(system, cost, seed)
            if system.release is not None:
                cost = _of_release(system, system.release, cost, seed)
    except Exception as error:
        return Cost(arm, failure=failure_of(error))
    return cost


def _of_model(system: System, cost: Cost, seed: int) -> Cost:
    guard = build(system, derive(seed, "victim")).guard
    reply = guard.ask(Request(system.test.X, memory=FreshMemory()))
    latency = _latency(guard, system.test)
    correct = reply.labels == system.test.y
    rows = _groups(system.test, correct)
    groups = {name: float(right.mean()) for name, right in rows.items()}
    return replace(
        cost,
        accuracy=float(correct.mean()),
        refusals=float(reply.refused.mean()),
        false_alarms=float(reply.alarmed.mean()),
        worst_group=min(groups.items(), key=lambda item: item[1]) if groups else None,
        latency_ms=latency,
        correct=Evidence.rate("accuracy", won=correct, ids=system.test.ids),
        group_accuracy=groups,
        groups=rows,
    )


def _of_release(system: System, raw: Release, cost: Cost, seed: int) -> Cost:
    release = release_of(system, derive(seed, "victim"))
    return replace(
        cost,
        information_loss=information_loss(raw, release),
        suppressed_rows=suppressed(raw, release),
        dropped_columns=dropped(raw, release),
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
