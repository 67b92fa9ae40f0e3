"""HopSkipJump side by side at equal queries per row: Casemate, ART and Foolbox.

    python bench/evasion_hop_skip_jump.py --data mnist.npz --output bench/results/evasion_hop_skip_jump.json

Three models: the undefended small network of ``evasion_pgd.py`` (``--data`` as there) in l2 and in linf, and
scikit-learn's gradient boosting on its breast cancer data in linf, everything in the unit box. Every contestant
attacks the same rows, which the model answers correctly, in one process and one thread.

A `Meter` stands between each contestant and the model. It answers the granted number of queries for each row and not
one more, and keeps the row's nearest wrong answer: that is what counts, wherever in the attack it was asked and
whatever the attack returns, so that no peer suffers from being cut off, nor from ending on a point off the boundary.
The kept points are judged at the end by the bare model: box, distance, label. CPU time is ``time.process_time`` less
what the meter's own book-keeping took. *Raw* is the same number of rows through the bare model at its best batch size.

Casemate asks through a Target, Guard and counting included, with a radius too small to reach: no row may leave its
queries to another. ART takes rows one by one, and gets a batch size that holds all probes. Foolbox is run on all rows
at once, as it is meant to be, and row by row: its l2 step is divided by the length of all rows' gradients together, so
that company shortens it. Both start from noise as they come; "from a fellow" hands them a start as good as ours, the
nearest of the attacked rows with another label, for one query.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import logging
import platform
import statistics
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np
import torch
from evasion_pgd import frozen, load, train
from torch import Tensor, nn

from casemate import Access, Column, Dataset, Schema, System, Target
from casemate.attacks.evasion.hop_skip_jump import hop_skip_jump
from casemate.core.target import Seeds
from casemate.systems.models import adapt

UNREACHABLE = 1e-9
SHAPE = (1, 28, 28)
RADII = {"digits, l2": (1.0, 1.5, 2.0), "digits, linf": (0.1, 0.15, 0.2), "trees, linf": (0.05, 0.1, 0.15)}
Scores = Callable[[np.ndarray], np.ndarray]


class Spent(Exception):
    """The queries of all rows at hand are spent."""


@dataclass(frozen=True)
class Case:
    """One model and norm, and the rows (n, d) in the unit box that it answers correctly as ``y`` (n,)."""

    name: str
    norm: str
    model: Any
    scores: Scores
    x: np.ndarray
    y: np.ndarray
    schema: Schema

    def length(self, shift: np.ndarray) -> np.ndarray:
        return np.linalg.norm(shift, axis=1) if self.norm == "l2" else np.abs(shift).max(axis=1)


class Meter:
    """Counts queries for each row, keeps its nearest wrong answer, and raises `Spent` beyond the budget."""

    def __init__(self, case: Case, queries: int) -> None:
        self.case, self.queries = case, queries
        self.used = np.zeros(len(case.x), dtype=np.int64)
        self.nearest = np.full(len(case.x), np.inf)
        self.best = case.x.copy()
        self.calls, self.seconds = 0, 0.0
        self.rows = self.place = np.arange(len(case.x))

    def answer(self, points: np.ndarray, ask: Callable[[np.ndarray], Any]) -> Any:
        """Answer a peer's batch (k, d): one point of each row at hand, or many of the only one."""
        rows = self.rows if len(self.rows) == len(points) else np.repeat(self.rows, len(points))
        left = self.queries - int(self.used[rows[0]])
        if left <= 0:
            raise Spent
        held = len(points) if len(self.rows) > 1 else min(left, len(points))
        scores = ask(points[:held])
        self.note(points[:held].reshape(held, -1), np.asarray(scores).argmax(axis=1), rows[:held])
        if held < len(points):
            raise Spent
        return scores

    def note(self, points: np.ndarray, labels: np.ndarray, rows: np.ndarray) -> None:
        start = time.process_time()
        self.calls += 1
        np.add.at(self.used, rows, 1)
        wrong = np.flatnonzero(labels != self.case.y[rows])
        far = self.case.length(points[wrong].astype(np.float64) - self.case.x[rows[wrong]])
        for k, distance in zip(wrong, far, strict=True):
            if distance < self.nearest[rows[k]]:
                self.nearest[rows[k]], self.best[rows[k]] = distance, points[k]
        self.seconds += time.process_time() - start


# The contestants: each attacks all rows of a case through the meter.

Attacker = Callable[[Case, Meter, int], None]


class Metered(nn.Module):
    """The network behind the meter. ART hands it float64 under NumPy 2, which its own tensors do not take."""

    def __init__(self, model: nn.Module, meter: Meter) -> None:
        super().__init__()
        self.model, self.meter = model, meter

    def forward(self, x: Tensor) -> Tensor:
        x = x.float()
        answer: Tensor = self.meter.answer(x.numpy(), lambda _: self.model(x[: len(_)]))
        return answer


class WatchedTarget(Target):
    """A Target whose answers the meter notes; rows are told apart by their campaigns."""

    meter: Meter

    def labels(self, X: np.ndarray, campaigns: np.ndarray | None = None) -> np.ndarray:
        labels = super().labels(X, campaigns)
        assert campaigns is not None
        self.meter.note(X, labels, self.meter.place[campaigns])
        return labels


def casemate(case: Case, meter: Meter, seed: int) -> None:
    rows = Dataset(case.x, case.y, case.schema)
    system = System("bench", rows, rows, model=adapt(case.model, case.schema))
    needs = Access.black_box(queries_per_row=meter.queries, norm=case.norm, radius=UNREACHABLE)
    target = WatchedTarget(system, needs, Seeds(0, 0, seed), samples=len(rows))
    target.meter = meter
    victims = target.victims  # in an order of their own
    meter.place = victims.ids
    hop_skip_jump(target)
    assert np.array_equal(victims.X, case.x[meter.place])


def fellows(case: Case) -> np.ndarray:
    """The nearest of the other rows with another label, for each row, (n, d)."""
    far = np.stack([case.length(case.x - row) for row in case.x])
    far[case.y[:, None] == case.y] = np.inf
    return case.x[far.argmin(axis=1)]


def art(case: Case, meter: Meter, seed: int, start: bool = False) -> None:
    from art.attacks.evasion import HopSkipJump

    np.random.seed(seed)
    attack = HopSkipJump(
        estimator(case, meter), batch_size=4096, norm=2 if case.norm == "l2" else np.inf, max_iter=10**6, verbose=False
    )
    starts, shape = fellows(case), case.schema.shape
    for row in range(len(case.x)):
        meter.rows = np.array([row])
        one = case.x[row].reshape(1, *shape).astype(np.float32)
        given = {"x_adv_init": starts[row].reshape(one.shape).astype(np.float32)} if start else {}
        with contextlib.suppress(Spent):
            attack.generate(one, case.y[row : row + 1], **given)


def estimator(case: Case, meter: Meter) -> Any:
    from art.estimators.classification import PyTorchClassifier, SklearnClassifier

    if isinstance(case.model, nn.Module):
        model, loss = Metered(case.model, meter).eval(), nn.CrossEntropyLoss()
        return PyTorchClassifier(
            model, loss=loss, input_shape=SHAPE, nb_classes=10, clip_values=(0, 1), device_type="cpu"
        )
    made = SklearnClassifier(case.model, clip_values=(0.0, 1.0))
    made.predict = lambda X, **_: meter.answer(X, case.scores)
    return made


def foolbox(case: Case, meter: Meter, seed: int, alone: bool = False, start: bool = False) -> None:
    import eagerpy as ep
    import foolbox as fb

    np.random.seed(seed)
    torch.manual_seed(seed)
    shape = (-1, *case.schema.shape)
    if isinstance(case.model, nn.Module):
        model = fb.PyTorchModel(Metered(case.model, meter).eval(), bounds=(0, 1), device="cpu")
        x, y, starts = (torch.tensor(a) for a in (case.x.reshape(shape), case.y, fellows(case).reshape(shape)))
        x, starts = x.float(), starts.float()
    else:
        model = fb.NumPyModel(lambda X: meter.answer(X, case.scores), bounds=(0, 1))
        x, y, starts = case.x.reshape(shape), case.y, fellows(case).reshape(shape)
    attack = fb.attacks.HopSkipJumpAttack(steps=10**6, constraint=case.norm)
    everyone = np.arange(len(case.x))
    for rows in everyone[:, None] if alone else (everyone,):
        meter.rows = rows
        try:
            attack.run(
                model, ep.astensor(x[rows]), fb.criteria.Misclassification(ep.astensor(y[rows])),
                starting_points=ep.astensor(starts[rows]) if start else None,
            )  # fmt: skip
        except Spent:
            pass
        except (ValueError, AssertionError) as error:  # no start for some row, or float32 took one back
            print(f"  Foolbox gave up on {len(rows)} rows: {error or type(error).__name__}")


CONTESTANTS: dict[str, Attacker] = {
    "casemate": casemate,
    "ART": art,
    "ART, from a fellow": lambda *given: art(*given, start=True),
    "Foolbox": foolbox,
    "Foolbox, row by row": lambda *given: foolbox(*given, alone=True),
    "Foolbox, row by row, from a fellow": lambda *given: foolbox(*given, alone=True, start=True),
}


# The cases.


def digits(data: Path | None, rows: slice, passes: int | None = None) -> list[Case]:
    x_train, y_train, x_test, y_test = load(data)
    model = frozen(train(x_train, y_train, 0.0, passes or max(3, round(180_000 / len(x_train)))))
    columns = tuple(Column(f"pixel {i}") for i in range(784))
    schema = Schema(columns, tuple("0123456789"), SHAPE)

    def scores(X: np.ndarray) -> np.ndarray:
        with torch.no_grad():
            return model(torch.as_tensor(X, dtype=torch.float32).view(-1, *SHAPE)).numpy()

    x, y = x_test.flatten(1).numpy().astype(np.float64), y_test.numpy()
    return [case(f"digits, {norm}", norm, model, scores, x, y, rows, schema) for norm in ("l2", "linf")]


def trees(rows: slice) -> Case:
    from sklearn.datasets import load_breast_cancer
    from sklearn.ensemble import GradientBoostingClassifier

    X, y = load_breast_cancer(return_X_y=True)
    X = (X - X.min(axis=0)) / (X.max(axis=0) - X.min(axis=0))
    model = GradientBoostingClassifier(random_state=0).fit(X[:300], y[:300])
    schema = Schema(tuple(Column(f"x{i}") for i in range(X.shape[1])), ("malignant", "benign"))
    return case("trees, linf", "linf", model, model.predict_proba, X[300:], y[300:], rows, schema)


def case(
    name: str, norm: str, model: Any, scores: Scores, x: np.ndarray, y: np.ndarray, rows: slice, schema: Schema
) -> Case:
    right = np.flatnonzero(scores(x).argmax(axis=1) == y)[rows]
    return Case(name, norm, model, scores, x[right], y[right].astype(np.int64), schema)


# Measuring.


def raw(case: Case) -> float:
    """CPU seconds of one row through the bare model at the best batch size."""

    def once(batch: int) -> float:
        X = np.resize(case.x, (batch, case.x.shape[1]))
        start = time.process_time()
        for _ in range(max(1, 4000 // batch)):
            case.scores(X)
        return (time.process_time() - start) / (batch * max(1, 4000 // batch))

    return min(once(batch) for _ in range(5) for batch in (50, 100, 200, 500, 1000, 4000))


def judge(case: Case, meter: Meter) -> np.ndarray:
    """Distances (n,) of what the bare model answers wrongly when asked again, in the box; else infinite."""
    inside = ((meter.best >= 0) & (meter.best <= 1)).all(axis=1)
    wrong = case.scores(meter.best).argmax(axis=1) != case.y
    return np.where(inside & wrong, case.length(meter.best - case.x), np.inf)


def measure(case: Case, queries: int, repetitions: int, names: list[str]) -> dict[str, dict[str, Any]]:
    runs: dict[str, list[dict[str, Any]]] = {name: [] for name in names}
    for repetition in range(repetitions):
        each = raw(case)
        turn = repetition % len(names)
        for name in names[turn:] + names[:turn]:
            meter = Meter(case, queries)
            start = time.process_time()
            try:
                CONTESTANTS[name](case, meter, repetition)
            except ImportError as missing:
                print(f"{name} left out: {missing}")
                continue
            seconds = time.process_time() - start - meter.seconds
            assert meter.used.sum() <= queries * len(case.x)
            far = judge(case, meter)
            runs[name].append({
                "median distance": float(np.median(far)),
                "distances": far,
                "rows without a wrong answer": int(np.isinf(far).sum()),
                "rows not confirmed": int((np.isinf(far) & np.isfinite(meter.nearest)).sum()),
                "success": {str(r): float((far <= r).mean()) for r in RADII[case.name]},
                "queries per row": float(meter.used.mean()),
                "queries per row, most": int(meter.used.max()),
                "cpu seconds": seconds,
                "times raw": seconds / (each * meter.used.sum()),
                "mean batch": float(meter.used.sum() / meter.calls),
            })  # fmt: skip
    return {name: summary(found, runs["casemate"]) for name, found in runs.items() if found}


def summary(mine: list[dict[str, Any]], ours: list[dict[str, Any]]) -> dict[str, Any]:
    """Medians over the repetitions, with their spread; each row's distance over ours is of its medians."""
    found: dict[str, Any] = {}
    for key in ("median distance", "cpu seconds", "times raw"):
        values = [run[key] for run in mine]
        found |= {key: statistics.median(values), f"{key}, least": min(values), f"{key}, most": max(values)}
    for key in ("rows without a wrong answer", "rows not confirmed", "queries per row", "mean batch"):
        found[key] = statistics.median(run[key] for run in mine)
    found["queries per row, most"] = max(run["queries per row, most"] for run in mine)
    found["success"] = {r: statistics.mean(run["success"][r] for run in mine) for r in mine[0]["success"]}
    theirs, our = (np.median([run["distances"] for run in runs], axis=0) for runs in (mine, ours))
    both = np.isfinite(theirs) & np.isfinite(our)
    found["times casemate"] = float(np.exp(np.mean(np.log(theirs[both] / our[both]))))
    found["rows in which casemate is nearer"] = float((our < theirs).mean())
    found["rows in which casemate is further"] = float((our > theirs).mean())
    return found


def table(case: Case, queries: int, rows: dict[str, dict[str, Any]]) -> str:
    radii = list(RADII[case.name])
    head = ["", "median distance (spread)", "× Casemate, by row", "Casemate nearer / further"]
    head += [*(f"within {r:g}" for r in radii), "lost", "queries per row", "CPU s", "× raw (spread)", "mean batch"]
    lines = [f"\n### {case.name}, {queries:,} queries per row\n", "| " + " | ".join(head) + " |"]
    lines.append("|---|" + "--:|" * (len(head) - 1))
    for who, r in rows.items():
        far, times = ([r[key], r[f"{key}, least"], r[f"{key}, most"]] for key in ("median distance", "times raw"))
        cells = [who, "{:.3g} ({:.3g}–{:.3g})".format(*far), f"{r['times casemate']:.2f}"]
        cells += [f"{r['rows in which casemate is nearer']:.0%} / {r['rows in which casemate is further']:.0%}"]
        cells += [*(f"{r['success'][str(x)]:.2f}" for x in radii), f"{r['rows without a wrong answer']:.0f}"]
        cells += [f"{r['queries per row']:.0f}", f"{r['cpu seconds']:.2f}", "{:.2f} ({:.2f}–{:.2f})".format(*times)]
        lines.append("| " + " | ".join([*cells, f"{r['mean batch']:.0f}"]) + " |")
    return "\n".join(lines)


def versions() -> dict[str, str]:
    found = {"python": platform.python_version(), "machine": platform.machine()}
    for package in ("numpy", "torch", "scikit-learn", "adversarial-robustness-toolbox", "foolbox"):
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "not installed"
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path)
    parser.add_argument("--output", type=Path)
    parser.add_argument("--points", type=int, default=40)
    parser.add_argument("--first", type=int, default=0, help="the first of the correctly answered rows")
    parser.add_argument("--queries", type=int, nargs="+", default=[1000, 2500])
    parser.add_argument("--repetitions", type=int, default=3)
    parser.add_argument("--cases", nargs="+", default=list(RADII), choices=list(RADII))
    parser.add_argument(
        "--only", nargs="+", default=list(CONTESTANTS), choices=list(CONTESTANTS), help="Casemate must be among them"
    )
    given = parser.parse_args()
    torch.set_num_threads(1)
    warnings.filterwarnings("ignore")
    logging.disable(logging.WARNING)
    rows = slice(given.first, given.first + given.points)
    results = {}
    for each in (case for case in [*digits(given.data, rows), trees(rows)] if case.name in given.cases):
        for queries in given.queries:
            found = measure(each, queries, given.repetitions, given.only)
            results[f"{each.name}, {queries} queries"] = found
            print(table(each, queries, found), flush=True)
    record = {
        "points": given.points, "repetitions": given.repetitions, "threads": 1,
        "data": "given" if given.data else "digits", "versions": versions(), "results": results,
    }  # fmt: skip
    if given.output:
        given.output.write_text(json.dumps(record, indent=1) + "\n")


if __name__ == "__main__":
    main()
