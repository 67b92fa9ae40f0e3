"""Mondrian on Adult beside anjana and anonypy, what it costs a model, how it scales, and verification beside pycanon.

    python bench/anonymity_mondrian.py --adult FOLDER --peers .venv-peers/bin/python \
        --output bench/results/anonymity_mondrian.json

FOLDER holds ARX's ``adult.csv`` (30,162 rows) and its hierarchies; eight quasi-identifiers, k = 5, salary-class is the
target. The peers (bench/requirements-privacy.txt) run in their own environment. CPU time is ``time.process_time``, one
thread; our side is warm (the kernel is compiled) and the median of the repetitions, peers run ``--peer-repetitions``
times. "kernel" is `mondrian` on codes, "whole" is from a polars table of text to published labels.

Accuracy: five folds. In each, the training rows alone are grouped and published (k = 5; ranges of age, sets of
categories), a model is trained on what is published (the middle of a range; an equal share for each value of a set),
and asked about the raw held-out rows, which no step has seen. Beside it, the same model trained on the raw training
rows.
"""

from __future__ import annotations

import argparse
import json
import math
import platform
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from threadpoolctl import threadpool_limits

from casemate.controls.anonymity.coding import Coded, code
from casemate.controls.anonymity.grouping import Grouping, Guarantee
from casemate.controls.anonymity.losses import (
    average_size,
    discernibility,
    group_bounds,
    ncp_hierarchy,
    ncp_range,
    ncp_set,
)
from casemate.controls.anonymity.mondrian import mondrian
from casemate.controls.anonymity.rendering import render
from casemate.controls.anonymity.verification import verify

QUASI = ["age", "education", "marital-status", "native-country", "occupation", "race", "sex", "workclass"]
ARX_LOCAL = 0.175  # NCP by ranges of ARX 3.9's local recoding at k = 5 on the same table
ARX_LOSS = 2.5  # points of accuracy that it costs


class Adult:
    """The table, as codes in the depth-first order of ARX's hierarchies."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.table = pl.read_csv(folder / "adult.csv", separator=";")
        self.y = (self.table["salary-class"] == ">50K").to_numpy().astype(np.int32)
        self.trees, columns = [], []
        for name in QUASI:
            lines = [line.split(";") for line in (folder / f"adult_hierarchy_{name}.csv").read_text().splitlines()]
            lines.sort(key=lambda line: int(line[0]) if name == "age" else line[::-1])
            place = {line[0]: i for i, line in enumerate(lines)}
            columns.append([place[str(value)] for value in self.table[name]])
            self.trees.append(
                np.array([numbers([tuple(line[i:]) for line in lines]) for i in range(len(lines[0]) - 1, 0, -1)])
            )
        self.codes = np.array(columns, dtype=np.int16).T.copy()


def numbers(nodes: list[Any]) -> list[int]:
    seen: dict[Any, int] = {}
    return [seen.setdefault(node, len(seen)) for node in nodes]


def cpu(work: Callable[[], Any], repetitions: int) -> dict[str, float]:
    seconds = []
    for _ in range(repetitions + 1):
        start = time.process_time()
        work()
        seconds.append(time.process_time() - start)
    return {"seconds": statistics.median(seconds[1:]), "least": min(seconds[1:]), "most": max(seconds[1:])}


def peer(python: Path, *given: object) -> dict[str, Any]:
    command = [str(python), str(Path(__file__).with_name("anonymity_peers.py")), *map(str, given)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def whole(adult: Adult) -> tuple[Coded, Grouping, Any]:
    coded = code(adult.table, QUASI)
    grouping = mondrian(coded.codes, Guarantee(5))
    return coded, grouping, render(grouping, coded)


def against_peers(adult: Adult, python: Path, repetitions: int, peer_repetitions: int) -> dict[str, Any]:
    found: dict[str, Any] = {
        "kernel": cpu(lambda: mondrian(adult.codes, Guarantee(5)), repetitions),
        "kernel, l and t": cpu(lambda: mondrian(adult.codes, Guarantee(5, 2, t=0.2), sensitive=adult.y), repetitions),
        "whole": cpu(lambda: whole(adult), repetitions),
    }
    anjana = [peer(python, "anjana", adult.folder) for _ in range(peer_repetitions)]
    found["anjana"] = anjana[0] | {"seconds": statistics.median(a["seconds"] for a in anjana)}
    found["anonypy"] = peer(python, "anonypy", adult.folder)
    small = adult.codes[:3000]
    found["kernel, 3,000 rows"] = cpu(lambda: mondrian(small, Guarantee(5)), repetitions)
    return found


def utility(adult: Adult) -> dict[str, Any]:
    free, within = mondrian(adult.codes, Guarantee(5)), mondrian(adult.codes, Guarantee(5), trees=adult.trees)
    dense = np.stack([np.unique(column, return_inverse=True)[1] for column in adult.codes.T], axis=1)
    return {
        "groups": free.count,
        "NCP by ranges": float(ncp_range(dense, free).mean()),
        "NCP by sets": float(ncp_set(adult.codes, free).mean()),
        "NCP by hierarchies, cut within them": float(ncp_hierarchy(adult.codes, within, adult.trees).mean()),
        "NCP by hierarchies, cut freely": float(ncp_hierarchy(adult.codes, free, adult.trees).mean()),
        "discernibility": discernibility(free),
        "average class": average_size(free),
    }


def verified(adult: Adult, python: Path, repetitions: int) -> dict[str, Any]:
    """Measure the raw and the published table with both."""
    rendered = whole(adult)[2]
    published = pl.DataFrame({name: rendered.columns[name].cast(pl.String) for name in QUASI})
    found: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as folder:
        for name, table in (("raw", adult.table.select(QUASI)), ("published", published)):
            path = Path(folder) / "table.csv"
            table.with_columns(adult.table["salary-class"]).write_csv(path)
            codes = np.stack(
                [table[column].cast(pl.String).cast(pl.Categorical).to_physical().to_numpy() for column in QUASI],
                axis=1,
            )
            ours, theirs = verify(codes.astype(np.int64), adult.y), peer(python, "pycanon", path)
            assert (ours.k, ours.l, int(ours.entropy_l or 0)) == tuple(
                theirs[key] for key in ("k_anonymity", "l_diversity", "entropy_l_diversity")
            )
            assert math.isclose(ours.t or 0.0, theirs["t_closeness"], abs_tol=1e-9)
            found[name] = {
                "k": ours.k,
                "l": ours.l,
                "t": ours.t,
                "groups": ours.groups,
                "ours": cpu(lambda codes=codes: verify(codes, adult.y), repetitions),
                "pycanon": theirs["seconds of k, l and t"],
                "pycanon, each": theirs["each"],
            }
    return found


def features(codes: np.ndarray, sizes: np.ndarray, grouping: Grouping | None) -> np.ndarray:
    """Age in years, and a share for each category; of a group, the middle of its range and equal shares of its set."""
    n, groups = len(codes), grouping or Grouping(np.arange(len(codes), dtype=np.int32), len(codes))
    low, high = group_bounds(codes, groups)
    columns = [((low[:, 0] + high[:, 0]) / 2)[groups.ids][:, None]]
    for j in range(1, codes.shape[1]):
        held = np.zeros((groups.count, sizes[j]))
        held[groups.ids, codes[:, j]] = 1
        columns.append((held / held.sum(axis=1, keepdims=True))[groups.ids])
    return np.hstack(columns).astype(np.float32).reshape(n, -1)


def accuracy(adult: Adult, folds: int = 5) -> dict[str, Any]:
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.model_selection import StratifiedKFold

    sizes = adult.codes.max(axis=0) + 1
    right = {"raw": np.zeros(len(adult.y), bool), "anonymised": np.zeros(len(adult.y), bool)}
    for train, test in StratifiedKFold(folds, shuffle=True, random_state=1).split(adult.codes, adult.y):
        grouping = mondrian(adult.codes[train], Guarantee(5))
        for name, groups in (("raw", None), ("anonymised", grouping)):
            model = HistGradientBoostingClassifier(random_state=0)
            model.fit(features(adult.codes[train], sizes, groups), adult.y[train])
            right[name][test] = model.predict(features(adult.codes[test], sizes, None)) == adult.y[test]
    n, lost = len(adult.y), right["raw"].astype(int) - right["anonymised"]
    half = 1.96 * math.sqrt(lost.var() / n)
    return {
        "accuracy, raw": float(right["raw"].mean()),
        "accuracy, anonymised": float(right["anonymised"].mean()),
        "points lost": 100 * float(lost.mean()),
        "interval": [100 * float(lost.mean() - half), 100 * float(lost.mean() + half)],
        "model": "HistGradientBoostingClassifier, defaults",
    }


def population(n: int, seed: int = 0) -> np.ndarray:
    """Eight made-up quasi-identifiers, correlated and skewed, of Adult's sizes and one of 1,000 codes, (n, 8) int16."""
    rng = np.random.default_rng(seed)
    codes = np.empty((n, 8), np.int16)
    shared = rng.standard_normal(n, dtype=np.float32)
    for j, size in enumerate((100, 16, 7, 41, 14, 5, 2, 1000)):
        mixed = 0.5 * shared + math.sqrt(0.75) * rng.standard_normal(n, dtype=np.float32)
        codes[:, j] = np.minimum((1 / (1 + np.exp(-1.7 * mixed))) ** 1.5 * size, size - 1)
    return codes


def scale(n: int, k: int, repetitions: int) -> None:
    """Print the CPU time of one size as JSON, with the peak memory of this process, its input included."""
    codes = population(n)
    mondrian(codes[:1000], Guarantee(k), engine="numba")
    found: dict[str, Any] = cpu(lambda: mondrian(codes, Guarantee(k)), repetitions)
    grouping = mondrian(codes, Guarantee(k))
    assert grouping.sizes.min() >= k
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(
        json.dumps(
            found | {"rows": n, "k": k, "groups": grouping.count, "peak MB": peak, "rows/s": n / found["seconds"]}
        )
    )


def scales(repetitions: int) -> list[dict[str, Any]]:
    found = []
    for n in (1_000_000, 10_000_000):
        for k in (5, 50):
            command = [sys.executable, __file__, "--scale", str(n), str(k), "--repetitions", str(repetitions)]
            found.append(json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout))
    return found


def show(record: dict[str, Any]) -> None:
    show_peers(record["adult"])
    show_utility(record["utility"], record["accuracy"])
    print("\n| k, l and t of Adult | ours, CPU ms | pycanon, CPU s | ratio | k, l, t (both) |\n|---|---|---|---|---|")
    for name, c in record["verification"].items():
        ours = c["ours"]["seconds"]
        measured = f"{c['k']}, {c['l']}, {c['t']:.3f}"
        print(f"| {name} | {1e3 * ours:.1f} | {c['pycanon']:.1f} | {c['pycanon'] / ours:,.0f} | {measured} |")
    print("\n| rows x 8 | k | groups | CPU s | rows/s/core | peak MB, input included |\n|---|---|---|---|---|---|")
    for s in record["scale"]:
        seconds = f"{s['seconds']:.2f} ({s['least']:.2f}-{s['most']:.2f})"
        rate = f"{s['rows/s'] / 1e6:.1f}M"
        print(f"| {s['rows']:,} | {s['k']} | {s['groups']:,} | {seconds} | {rate} | {s['peak MB']:.0f} |")


def show_peers(found: dict[str, Any]) -> None:
    anjana, anonypy = 1e3 * found["anjana"]["seconds"], 1e3 * found["anonypy"]["seconds"]
    print("| Adult, 8 quasi-identifiers, k = 5 | CPU ms | the peer's, times ours |\n|---|---|---|")
    for name in ("kernel", "kernel, l and t", "whole"):
        ms, least, most = (1e3 * found[name][key] for key in ("seconds", "least", "most"))
        print(f"| {name} | {ms:.1f} ({least:.1f}-{most:.1f}) | {anjana / ms:,.0f} |")
    print(f"| anjana ({30162 - found['anjana']['rows']} rows dropped) | {anjana:,.0f} | |")
    ms = 1e3 * found["kernel, 3,000 rows"]["seconds"]
    print(f"| kernel, 3,000 rows | {ms:.2f} | {anonypy / ms:,.0f} |\n| anonypy, 3,000 rows | {anonypy:,.0f} | |")


def show_utility(kept: dict[str, Any], model: dict[str, Any]) -> None:
    print("\n| what is lost | ours | ARX local recoding | share |\n|---|---|---|---|")
    for name in ("NCP by ranges", "NCP by sets", "NCP by hierarchies, cut within them"):
        print(f"| {name} | {kept[name]:.4f} | {ARX_LOCAL} | {kept[name] / ARX_LOCAL:.2f} |")
    low, high = model["interval"]
    lost = f"{model['points lost']:.2f} ({low:.2f} to {high:.2f})"
    name = f"points of accuracy (raw: {100 * model['accuracy, raw']:.1f} %)"
    print(f"| {name} | {lost} | {ARX_LOSS} | {model['points lost'] / ARX_LOSS:.2f} |")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--adult", type=Path)
    parser.add_argument("--peers", type=Path)
    parser.add_argument("--output", type=Path)
    parser.add_argument("--repetitions", type=int, default=9)
    parser.add_argument("--peer-repetitions", type=int, default=3)
    parser.add_argument("--scale", type=int, nargs=2, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.scale:
        scale(*given.scale, given.repetitions)
        return
    if not given.adult or not given.peers:
        parser.error("--adult and --peers are needed")
    adult = Adult(given.adult)
    with threadpool_limits(1):
        record: dict[str, Any] = {
            "versions": {"python": platform.python_version(), "machine": platform.machine()}
            | {package: version(package) for package in ("numpy", "numba", "polars", "scikit-learn")},
            "adult": against_peers(adult, given.peers, given.repetitions, given.peer_repetitions),
            "utility": utility(adult),
            "accuracy": accuracy(adult),
            "verification": verified(adult, given.peers, given.repetitions),
            "scale": scales(3),
        }
    show(record)
    if given.output:
        given.output.write_text(json.dumps(record, indent=1) + "\n")


if __name__ == "__main__":
    main()
