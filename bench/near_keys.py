"""Near-keys by sampling against counting every set: a million rows, ten columns, all 385 sets of up to four.

    python bench/near_keys.py --output bench/results/near_keys.json

The table is made up: correlated columns such as a census has. Exhaustive counts the classes of every set over all rows
(packed keys, numpy's sort: the prototype's way, and ours, which counts small keys without sorting). Ours ranks all sets
by samples, five times with different seeds, and counts the sets that it reports. CPU time is time.process_time; all
run in turn in one process, and ratios are taken within a repetition. Recall and precision are of the
epsilon-separation keys, epsilon = 1e-4, against the exhaustive answer; every reported uniqueness is checked against the
exhaustive count, and must be equal.
"""

from __future__ import annotations

import argparse
import json
import platform
import statistics
import time
from collections.abc import Callable
from importlib.metadata import version
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from casemate.controls.profiling.coding import Codes, class_sizes, encode
from casemate.controls.profiling.near_keys import rank
from casemate.controls.profiling.risk import risk_of

EPSILON = 1e-4
REPORTED = 12
SEEDS = 5
Sets = dict[tuple[int, ...], tuple[float, float]]


def table(rows: int, seed: int = 0) -> pl.DataFrame:
    """Ten columns of people: skewed, and correlated with each other."""
    rng = np.random.default_rng(seed)
    age = np.clip(rng.gamma(6, 7, rows), 0, 99).astype(int)
    education = np.clip((age / 12 + rng.normal(0, 2.5, rows)).astype(int), 0, 15)
    return pl.DataFrame(
        {
            "age": age,
            "sex": rng.integers(0, 2, rows),
            "postcode": (rng.zipf(1.4, rows) % 1000).astype(int),
            "education": education,
            "occupation": (education * 4 + rng.integers(0, 12, rows)) % 60,
            "marital": np.clip(age // 20 + rng.integers(0, 3, rows), 0, 6),
            "language": rng.zipf(2.2, rows) % 30,
            "race": rng.choice(6, rows, p=[0.6, 0.15, 0.1, 0.08, 0.05, 0.02]),
            "hours": np.clip(rng.normal(38, 10, rows), 1, 99).astype(int),
            "disease": rng.zipf(1.6, rows) % 200,
        }
    )


def by_sorting(codes: Codes, sets: list[tuple[int, ...]]) -> Sets:
    """Every set, by sorting its packed keys."""
    counted = {}
    for one in sets:
        packed = np.sort(codes.key(one)[0].astype(np.uint64))
        starts = np.flatnonzero(np.r_[True, packed[1:] != packed[:-1], True])
        counted[one] = figures(np.diff(starts))
    return counted


def by_our_counts(codes: Codes, sets: list[tuple[int, ...]]) -> Sets:
    """Every set, by our own counting."""
    return {one: figures(class_sizes(*codes.key(one))) for one in sets}


def figures(sizes: np.ndarray) -> tuple[float, float]:
    """Uniqueness, and the share of pairs not told apart."""
    n = int(sizes.sum())
    return float((sizes == 1).sum() / n), float((sizes * (sizes - 1.0)).sum() / (n * (n - 1.0)))


def cpu(work: Callable[[], Any]) -> tuple[float, Any]:
    start = time.process_time()
    made = work()
    return time.process_time() - start, made


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", type=Path)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--repetitions", type=int, default=3)
    given = parser.parse_args()
    data = table(given.rows)
    coding, codes = cpu(lambda: encode(data.get_columns()))
    sets = [one for size in range(1, 5) for one in combinations(range(data.width), size)]
    rank(codes, epsilon=EPSILON)  # warms up
    seconds: dict[str, list[float]] = {"sorting": [], "our counts": [], "search": [], "report": []}
    recalls, precisions = [], []
    for repetition in range(given.repetitions):
        took, exact = cpu(lambda: by_sorting(codes, sets))
        seconds["sorting"].append(took)
        took, ours = cpu(lambda: by_our_counts(codes, sets))
        seconds["our counts"].append(took)
        assert ours == exact
        right = {one for one, (_, unseparated) in exact.items() if unseparated <= EPSILON}
        searching = 0.0
        for seed in range(SEEDS * repetition, SEEDS * (repetition + 1)):
            took, ranked = cpu(lambda seed=seed: rank(codes, epsilon=EPSILON, seed=seed))
            searching += took / SEEDS
            found = {one.columns for one in ranked if one.unseparated <= EPSILON}
            recalls.append(len(right & found) / len(right))
            precisions.append(len(right & found) / len(found))
        seconds["search"].append(searching)
        took, told = cpu(
            lambda best=ranked: [(s.columns, risk_of(class_sizes(*codes.key(s.columns)))) for s in best[:REPORTED]]
        )
        seconds["report"].append(took)
        for columns, risk in told:
            assert (risk.unique, risk.unseparated) == exact[columns], "a reported figure is not exact"
    ratios = {
        "search, against sorting all": [a / b for a, b in zip(seconds["sorting"], seconds["search"], strict=True)],
        "search, against our own counts of all": [
            a / b for a, b in zip(seconds["our counts"], seconds["search"], strict=True)
        ],
        "search and report, against sorting all": [
            a / (b + c) for a, b, c in zip(seconds["sorting"], seconds["search"], seconds["report"], strict=True)
        ],
    }
    record = {
        "rows": given.rows,
        "sets": len(sets),
        "keys": len(right),
        "epsilon": EPSILON,
        "coding, CPU seconds": coding,
        "CPU seconds": {name: statistics.median(times) for name, times in seconds.items()},
        "ratios": {
            name: {"median": statistics.median(r), "least": min(r), "most": max(r)} for name, r in ratios.items()
        },
        "recall": {"mean": statistics.mean(recalls), "least": min(recalls)},
        "precision": {"mean": statistics.mean(precisions), "least": min(precisions)},
        "versions": {"python": platform.python_version(), "machine": platform.machine()}
        | {package: version(package) for package in ("numpy", "polars")},
    }
    print(f"{given.rows:,} rows, {len(sets)} sets, {len(right)} of them epsilon-separation keys at {EPSILON:g}\n")
    print("| work | CPU s |\n|---|---|")
    for name, took in record["CPU seconds"].items():
        print(f"| {name} | {took:.3f} |")
    print("\n| ratio | median | least-most |\n|---|---|---|")
    for name, r in record["ratios"].items():
        print(f"| {name} | {r['median']:.0f}x | {r['least']:.0f}-{r['most']:.0f} |")
    print(f"\nrecall {statistics.mean(recalls):.3f} on average, precision {statistics.mean(precisions):.3f}")
    if given.output:
        given.output.write_text(json.dumps(record, indent=2) + "\n")


if __name__ == "__main__":
    main()
