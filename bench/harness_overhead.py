"""What the harness costs: a black-box attack's queries through a Target against a bare loop over the model.

    python bench/harness_overhead.py --output bench/results/harness_overhead.json

The model is scikit-learn's gradient boosting (100 trees) on made-up data of 20 columns. An attack asks 1,000 queries,
one row at a time and 50 rows at a time: once of the estimator (``predict_proba`` and argmax), once of the Model that
adapts it, and once through a Target, which counts, checks the budget and passes the Guard. The same rows each time, in
turn within one process and one thread; CPU time is ``time.process_time``; ratios are taken within a repetition. The
figures that matter: Target over Model (the harness) and Model over estimator (the adapter).
"""

from __future__ import annotations

import argparse
import json
import platform
import statistics
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import numpy as np
from sklearn.datasets import make_classification
from sklearn.ensemble import GradientBoostingClassifier
from threadpoolctl import threadpool_limits

from casemate import Access, Column, Dataset, Schema, System, Target
from casemate.core.target import Seeds
from casemate.systems.models import adapt

QUERIES = 1000
Ask = Callable[[np.ndarray], np.ndarray]


def system() -> tuple[System, GradientBoostingClassifier]:
    X, y = make_classification(2000, 20, n_informative=10, random_state=0)
    columns = tuple(Column(f"x{i}", low=float(a), high=float(b)) for i, (a, b) in enumerate(zip(X.min(0), X.max(0))))  # noqa: B905
    data = Dataset(X, y, Schema(columns, ("no", "yes")))
    estimator = GradientBoostingClassifier(random_state=0).fit(X[:1000], y[:1000])
    model = adapt(estimator, data.schema)
    return System("bench", data.take(np.arange(1000)), data.take(np.arange(1000, 2000)), model=model), estimator


def target(made: System) -> Target:
    return Target(made, Access.black_box(queries=QUERIES), Seeds.of(0, "bench", "bare"))


def cpu(ask: Ask, batches: list[np.ndarray]) -> tuple[float, np.ndarray]:
    start = time.process_time()
    labels = [ask(batch) for batch in batches]
    return time.process_time() - start, np.concatenate(labels)


def measure(batch: int, repetitions: int) -> dict[str, dict[str, float]]:
    made, estimator = system()
    model = made.model
    assert model is not None
    rows = made.test.X[np.random.default_rng(0).integers(0, len(made.test), QUERIES)]
    batches = np.array_split(rows, QUERIES // batch)
    seconds: dict[str, list[float]] = {"estimator": [], "model": [], "target": []}
    for repetition in range(repetitions + 1):
        through = target(made)
        through.labels(rows[:0])  # the arm is built before the clock starts
        asks: dict[str, Ask] = {
            "estimator": lambda X: estimator.predict_proba(X).argmax(axis=1),
            "model": lambda X: model.scores(X).argmax(axis=1),
            "target": through.labels,
        }
        names = list(asks)[repetition % 3 :] + list(asks)[: repetition % 3]
        results = {name: cpu(asks[name], batches) for name in names}
        assert all(np.array_equal(labels, results["target"][1]) for _, labels in results.values())
        assert through.spent.queries == QUERIES
        if repetition:  # the first warms up
            for name, (took, _) in results.items():
                seconds[name].append(took)
    return {
        "estimator": summary(seconds["estimator"], seconds["estimator"], seconds["model"]),
        "model": summary(seconds["model"], seconds["estimator"], seconds["model"]),
        "target": summary(seconds["target"], seconds["estimator"], seconds["model"]),
    }


def summary(mine: list[float], estimator: list[float], model: list[float]) -> dict[str, float]:
    over = [a / b for a, b in zip(mine, estimator, strict=True)]
    over_model = [a / b for a, b in zip(mine, model, strict=True)]
    return {
        "microseconds per ask": statistics.median(mine),
        "times estimator": statistics.median(over),
        "times estimator, least": min(over),
        "times estimator, most": max(over),
        "times model": statistics.median(over_model),
        "times model, least": min(over_model),
        "times model, most": max(over_model),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", type=Path)
    parser.add_argument("--repetitions", type=int, default=15)
    given = parser.parse_args()
    record: dict[str, object] = {
        "queries": QUERIES,
        "repetitions": given.repetitions,
        "versions": {"python": platform.python_version(), "machine": platform.machine()}
        | {package: version(package) for package in ("numpy", "scikit-learn")},
    }
    print("| rows per ask | who | us per ask | x estimator (spread) | x model (spread) |")
    print("|---|---|---|---|---|")
    with threadpool_limits(1):
        for batch in (1, 50):
            rows = measure(batch, given.repetitions)
            for who, r in rows.items():
                r["microseconds per ask"] *= 1e6 / (QUERIES // batch)
                spreads = [
                    f"{r[k]:.3f} ({r[f'{k}, least']:.3f}-{r[f'{k}, most']:.3f})"
                    for k in ("times estimator", "times model")
                ]
                print(f"| {batch} | {who} | {r['microseconds per ask']:.1f} | {' | '.join(spreads)} |")
            record[f"{batch} rows per ask"] = rows
    if given.output:
        given.output.write_text(json.dumps(record, indent=1) + "\n")


if __name__ == "__main__":
    main()
