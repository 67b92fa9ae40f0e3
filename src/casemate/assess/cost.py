"""Cost: what an arm costs those who mean no harm: clients of the model, and readers of the released table."""

from __future__ import annotations

import time
from dataclasses import replace

import numpy as np

from casemate.assess.cell import failure_of
from casemate.assess.loss import dropped, information_loss, suppressed
from casemate.assess.threads import single_threaded
from casemate.core import outcomes
from casemate.core.assessment import Cost, WireCost
from casemate.core.build import build, release_of
from casemate.core.dataset import Dataset
from casemate.core.errors import EncryptedError
from casemate.core.evidence import Evidence
from casemate.core.guard import Guard
from casemate.core.release import Release
from casemate.core.request import FreshMemory, Prediction, Request
from casemate.core.seeds import derive
from casemate.core.system import System
from casemate.core.wire import Wire

TIMED_REQUESTS = 60
MIN_GROUP_ROWS = 10


def price(system: System, arm: str, seed: int) -> Cost:
    """Measure an arm on the whole test set and the whole table. Never raises, but for a keyboard interrupt.

    Each row is asked as a client's first request. Latency is the median over up to 60 single rows, in milliseconds of
    this machine, and differs from run to run, as all does that was measured on ciphertexts.
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
    built = build(system, derive(seed, "victim"))
    guard = built.guard
    reply = guard.ask(Request(system.test.X, memory=FreshMemory()))
    latency = _latency(guard, system.test)
    wire = _of_wire(built.wire, system.test, reply, guard.model.classes) if built.wire.encrypted else None
    if wire is not None:
        latency = round(latency + wire.client_ms + wire.server_ms, 4)
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
        wire=wire,
    )


def _of_wire(wire: Wire, test: Dataset, reply: Prediction, classes: int) -> WireCost:
    """Ask about single test rows, encrypted, as honest clients do.

    Raises:
        EncryptedError: no row was answered.
    """
    sizes, client, server, read, rows = (0, 0), [], [], [], []
    wire.ask(test.X[:1])  # keys are made and registered before the first question
    for row in range(min(TIMED_REQUESTS, len(test))):
        times = [time.perf_counter()]
        (message,) = wire.ask(test.X[row : row + 1])
        times.append(time.perf_counter())
        answer = wire.answer(message)
        times.append(time.perf_counter())
        opened = None if answer is None else wire.read(message, answer)
        times.append(time.perf_counter())
        if answer is not None and opened is not None:
            asking, computing, reading = np.diff(times)
            client.append(asking + reading)
            server.append(computing)
            read.append(opened.scores)
            rows.append(row)
            sizes = len(message), len(answer)
    if not rows:
        raise EncryptedError("no test row was answered under encryption", fix="check that its ranges hold test rows")
    scores, shown = np.array(read), outcomes.scores_as_given(reply, classes)[rows]
    return WireCost(
        rows=len(rows),
        query_bytes=sizes[0],
        reply_bytes=sizes[1],
        key_bytes=wire.key_bytes,
        client_ms=round(float(np.median(client)) * 1e3, 4),
        server_ms=round(float(np.median(server)) * 1e3, 4),
        agreeing=int((scores.argmax(axis=1) == reply.labels[rows]).sum()),
        deviation=float(np.abs(scores - shown).max()) if reply.scores is not None else 0.0,
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
