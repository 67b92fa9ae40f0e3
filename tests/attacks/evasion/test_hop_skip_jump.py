"""HopSkipJump against closed forms, budgets, plateaus, refusals and models that give it nothing to go by."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from casemate.attacks.evasion import hop_skip_jump as module
from casemate.attacks.evasion import twin
from casemate.attacks.evasion.hop_skip_jump import QUERIES_PER_ROW, _Walk, hop_skip_jump
from casemate.attacks.evasion.oracle import Oracle
from casemate.core.access import Access, Norm
from casemate.core.control import control
from casemate.core.dataset import Dataset
from casemate.core.evidence import Evidence
from casemate.core.request import REFUSED, Request
from casemate.core.schema import Column, Schema, distance
from casemate.core.system import System
from casemate.core.target import Seeds, Target
from casemate.systems.models import adapt

NORMS: tuple[Norm, ...] = ("linf", "l2")
Labeller = Callable[[np.ndarray], np.ndarray]


@dataclass
class Answers:
    """Stands in for a Target: answers by a function, and keeps the budget."""

    label: Labeller
    queries_left: int | None = None
    asked: list[np.ndarray] = field(default_factory=list)

    def labels(self, X: np.ndarray, campaigns: np.ndarray | None = None) -> np.ndarray:
        self.asked.append(X)
        if self.queries_left is not None:
            self.queries_left -= len(X)
            assert self.queries_left >= 0, "over the budget"
        return self.label(X)


def rows_for(label: Labeller, n: int, d: int, seed: int = 0) -> Dataset:
    X = np.random.default_rng(seed).random((n, d))
    return Dataset(X, label(X), Schema(tuple(Column(f"x{i}") for i in range(d)), ("a", "b")))


def walk(
    label: Labeller, data: Dataset, norm: Norm, radius: float = 1e-9, queries: int = 1000, seed: int = 0
) -> tuple[Oracle, Answers]:
    answers = Answers(label, queries * len(data))
    oracle = Oracle(answers, data, norm, radius, 0)  # type: ignore[arg-type]
    _Walk(oracle, np.random.default_rng(seed)).run()
    return oracle, answers


def halfspace(d: int, seed: int = 0) -> tuple[Labeller, np.ndarray]:
    weights = np.random.default_rng(seed).standard_normal(d)
    return (lambda X: ((X - 0.5) @ weights > 0).astype(np.int64)), weights


# Against the truth.


@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("d", [2, 5, 20])
def test_comes_close_to_the_nearest_point_of_a_linear_boundary(norm: Norm, d: int):
    label, weights = halfspace(d, seed=d)
    data = rows_for(label, 40, d)
    data = Dataset(0.25 + 0.5 * data.X, label(0.25 + 0.5 * data.X), data.schema)  # the box hardly binds
    oracle, _ = walk(label, data, norm)
    dual = np.abs(weights).sum() if norm == "linf" else np.linalg.norm(weights)
    least = np.abs((data.X - 0.5) @ weights) / dual
    ratio = oracle.nearest / least
    assert (ratio > 1 - 1e-9).all(), "nothing is nearer than the nearest"
    assert np.median(ratio) < 1.05
    assert np.quantile(ratio, 0.9) < 1.25


def test_comes_close_to_a_round_boundary():
    def label(X: np.ndarray) -> np.ndarray:
        return (np.linalg.norm(X - 0.5, axis=1) > 0.4).astype(np.int64)

    data = rows_for(label, 60, 4)
    X = 0.3 + 0.4 * data.X
    X = X[np.linalg.norm(X - 0.5, axis=1) < 0.37]
    data = Dataset(X, label(X), data.schema)
    oracle, _ = walk(label, data, "l2")
    least = 0.4 - np.linalg.norm(data.X - 0.5, axis=1)
    assert (oracle.nearest > least - 1e-9).all()
    assert np.median(oracle.nearest / least) < 1.1


@pytest.mark.parametrize("norm", NORMS)
def test_gets_down_stairs(norm: Norm):
    # A tree in one column with steps in another: most probes see a plateau.
    def label(X: np.ndarray) -> np.ndarray:
        return (np.floor(X[:, 0] * 8) + np.floor(X[:, 1] * 3) >= 6).astype(np.int64)

    data = rows_for(label, 50, 10)
    oracle, answers = walk(label, data, norm)
    start = np.median(walk(label, data, norm, queries=30)[0].nearest)
    assert np.median(oracle.nearest) < 0.75 * start
    assert (label(oracle.best) != data.y).all()
    assert len(answers.asked) < 1500


def test_more_queries_never_leave_a_row_further_away():
    label, _ = halfspace(10)
    data = rows_for(label, 30, 10)
    means = [walk(label, data, "l2", queries=q)[0].nearest.mean() for q in (50, 200, 1000)]
    assert means == sorted(means, reverse=True)
    assert means[2] < 0.8 * means[0]


@pytest.mark.parametrize("seed", range(3))
def test_keeping_earlier_estimates_in_mind_brings_rows_nearer_in_linf(seed: int, monkeypatch: pytest.MonkeyPatch):
    label, _ = halfspace(100)
    data = rows_for(label, 20, 100, seed)
    mindful = walk(label, data, "linf", seed=seed)[0].nearest
    monkeypatch.setattr(module, "MEMORY", {"linf": 0.0, "l2": 0.0})
    forgetful = walk(label, data, "linf", seed=seed)[0].nearest
    assert np.median(mindful / forgetful) < 0.95


@pytest.mark.parametrize("norm", NORMS)
def test_finds_the_boundary_as_a_share_of_the_distance_however_far_the_start(norm: Norm):
    def label(X: np.ndarray) -> np.ndarray:
        return (X[:, 0] > 0.5).astype(np.int64)

    home = np.column_stack([[0.4, 0.49, 0.499], np.full((3, 3), 0.5)])
    data = Dataset(home, label(home), rows_for(label, 1, 4).schema)
    oracle = Oracle(Answers(label, 1000), data, norm, 1e-9, 0)  # type: ignore[arg-type]
    walk = _Walk(oracle, np.random.default_rng(0))
    walk.settle(np.array([[1.0, 0.5, 0.5, 0.5]] * 3), np.arange(3))
    least = 0.5 - home[:, 0]
    assert (oracle.nearest >= least).all()
    assert (oracle.nearest <= least * (1 + 1.1 * walk.precision)).all()
    assert 1000 - oracle.left <= 3 * (2 * walk.bisections + 1)


@pytest.mark.parametrize("norm", NORMS)
def test_whether_probes_come_in_one_block_or_many_changes_nothing(norm: Norm, monkeypatch: pytest.MonkeyPatch):
    label, _ = halfspace(10)
    data = rows_for(label, 20, 10)
    whole, answers = walk(label, data, norm, queries=300)
    monkeypatch.setattr(module, "BLOCK", 5000)
    pieces, more = walk(label, data, norm, queries=300)
    assert len(more.asked) > len(answers.asked)
    assert np.array_equal(whole.best, pieces.best)


# Budgets.


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2000), st.integers(1, 25), st.sampled_from(NORMS))
def test_never_asks_more_than_it_may(queries: int, n: int, norm: Norm):
    label, _ = halfspace(6)
    data = rows_for(label, n, 6)
    answers = Answers(label, queries)  # fails by itself when it is overdrawn
    oracle = Oracle(answers, data, norm, 1e-9, 0)  # type: ignore[arg-type]
    _Walk(oracle, np.random.default_rng(0)).run()
    assert sum(map(len, answers.asked)) <= queries
    if np.isfinite(oracle.nearest).any():
        assert answers.queries_left == 0, "what is granted is used"


def test_rows_within_the_radius_leave_their_share_to_the_others():
    label, weights = halfspace(8)
    easy = rows_for(label, 30, 8)
    far = np.abs((easy.X - 0.5) @ weights) / np.abs(weights).sum()
    order = np.argsort(far)
    data = easy.take(order[[0, 1, 2, 3, 4, 5, 6, 7, 8, -1]])
    radius = float(np.sort(far)[9])
    seen: dict[int, int] = {}
    wrong = Oracle.wrong

    def count(self: Oracle, X: np.ndarray, rows: np.ndarray) -> np.ndarray:
        assert not self.done[rows].any(), "a row that is done is left alone"
        for row in rows:
            seen[int(row)] = seen.get(int(row), 0) + 1
        return wrong(self, X, rows)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Oracle, "wrong", count)
        oracle, answers = walk(label, data, "linf", radius, queries=300)
    assert oracle.done[:9].all()
    assert not oracle.done[9]
    assert answers.queries_left == 0
    assert seen[9] > 600
    assert np.median([seen[row] for row in range(9)]) < 150


def test_stops_when_every_row_is_done():
    label, _ = halfspace(8)
    oracle, answers = walk(label, rows_for(label, 20, 8), "linf", radius=0.9)
    assert oracle.done.all()
    assert sum(map(len, answers.asked)) <= 20 * (module.STARTS + 1)


def test_without_a_limit_keeps_to_its_own():
    label, _ = halfspace(5)
    answers = Answers(label)
    oracle = Oracle(answers, rows_for(label, 3, 5), "l2", 1e-9, 3 * 200)  # type: ignore[arg-type]
    _Walk(oracle, np.random.default_rng(0)).run()
    assert sum(map(len, answers.asked)) == 600


# Nothing to go by.


@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("answer", [0, REFUSED])
def test_a_model_that_never_errs_or_never_answers_ends_the_search_soon(norm: Norm, answer: int):
    def label(X: np.ndarray) -> np.ndarray:
        return np.full(len(X), answer)

    data = rows_for(lambda X: np.zeros(len(X), dtype=np.int64), 10, 4)
    oracle, answers = walk(label, data, norm)
    assert np.isinf(oracle.nearest).all()
    assert np.array_equal(oracle.finished(), data.X)
    assert sum(map(len, answers.asked)) == 10 * module.NOISE_TRIES


@pytest.mark.parametrize("norm", NORMS)
def test_probes_that_all_agree_are_not_followed_but_widened(norm: Norm):
    def label(X: np.ndarray) -> np.ndarray:  # right at home only, and nowhere near where the rows stand
        return (np.abs(X - 0.5).max(axis=1) > 0.01).astype(np.int64)

    home = np.full((5, 40), 0.5)
    data = Dataset(home, np.zeros(5), rows_for(label, 1, 40).schema)
    oracle = Oracle(Answers(label, 5000), data, norm, 1e-9, 0)  # type: ignore[arg-type]
    walk = _Walk(oracle, np.random.default_rng(0))
    walk.boundary = home + 0.3
    oracle.nearest = oracle.length(walk.boundary - home)
    before = walk.reach.copy()
    direction, told = walk.normals(np.arange(5), 20)
    assert not told.any()
    assert np.isfinite(direction).all()
    walk.start = lambda: None  # type: ignore[method-assign]
    walk.run()
    assert (before < 1).all()
    assert (walk.reach == 1).all()
    assert np.array_equal(walk.boundary, home + 0.3)
    assert oracle.left == 0


@pytest.mark.parametrize("norm", NORMS)
def test_survives_a_model_that_answers_at_random(norm: Norm):
    coin = np.random.default_rng(1)
    data = rows_for(lambda X: np.zeros(len(X), dtype=np.int64), 10, 6)
    oracle, _ = walk(lambda X: coin.integers(0, 2, len(X)), data, norm)
    assert np.isfinite(oracle.finished()).all()


@pytest.mark.parametrize("norm", NORMS)
def test_survives_rows_of_one_class_and_a_single_row(norm: Norm):
    label, _ = halfspace(4)
    data = rows_for(label, 60, 4)
    for rows in (data.take(data.y == 1), data.take(np.array([0])), data.take(np.array([], dtype=np.int64))):
        oracle, _ = walk(label, rows, norm, queries=200)
        assert np.isfinite(oracle.nearest).all()


def test_finds_a_start_by_noise_where_no_fellow_helps():
    label, _ = halfspace(4)
    data = rows_for(label, 60, 4)
    one_class = data.take(data.y == 1)
    oracle, _ = walk(label, one_class, "linf", queries=module.NOISE_TRIES)
    assert np.isfinite(oracle.nearest).all()
    assert (label(oracle.best) == 0).all()


@pytest.mark.parametrize("norm", NORMS)
def test_where_nothing_may_change_nothing_does(norm: Norm):
    label, _ = halfspace(3)
    data = rows_for(label, 5, 3)
    frozen = Schema(tuple(Column(f"x{i}", immutable=True) for i in range(3)), ("a", "b"))
    oracle, _ = walk(label, Dataset(data.X, data.y, frozen), norm)
    assert np.isinf(oracle.nearest).all()
    assert np.array_equal(oracle.finished(), data.X)


def test_asks_about_possible_rows_only_and_keeps_what_cannot_move():
    columns = (
        Column("a", low=-5, high=5),
        Column("b", kind="integer", low=0, high=60),
        Column("c", immutable=True),
        Column("d", kind="boolean", one_hot="g"),
        Column("e", kind="boolean", one_hot="g"),
    )
    schema = Schema(columns, ("no", "yes"))
    rng = np.random.default_rng(0)
    X = np.column_stack([rng.uniform(-5, 5, 40), rng.integers(0, 61, 40), rng.random(40), np.eye(2)[[0, 1] * 20]])

    def label(X: np.ndarray) -> np.ndarray:
        return (X[:, 0] / 10 + X[:, 1] / 60 + X[:, 2] > 1).astype(np.int64)

    data = Dataset(X, label(X), schema)
    oracle, answers = walk(label, data, "linf", radius=0.1)
    found = oracle.finished()
    needed = np.abs(X[:, 0] / 10 + X[:, 1] / 60 + X[:, 2] - 1) / 2
    assert oracle.done[needed < 0.08].all()
    assert not oracle.done[needed > 0.1].any()
    assert (needed < 0.08).any()
    assert schema.possible(found, X).all()
    assert np.array_equal(found[:, 2:], X[:, 2:])
    assert (distance(schema, found[oracle.done], X[oracle.done], "linf") <= 0.1).all()
    assert all((asked[:, 1] == np.rint(asked[:, 1])).all() for asked in answers.asked)


# As an attack.


def run(system: System, norm: Norm = "linf", radius: float = 0.1, seed: int = 0, queries: int = QUERIES_PER_ROW):
    needs = Access.black_box(queries_per_row=queries, norm=norm, radius=radius)
    target = Target(system, needs, Seeds.of(seed, "evasion.hop-skip-jump", "bare"), samples=50)
    return hop_skip_jump(target), target


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(("norm", "least"), [("linf", twin.MARGIN / 20), ("l2", twin.MARGIN / np.sqrt(20))])
def test_the_twin_falls_just_beyond_its_margin(norm: Norm, least: float, seed: int):
    fell, target = run(twin.narrow_margins(), norm, least * 1.1, seed)
    assert fell.outcome.mean() > 0.95
    assert target.spent.queries <= 50 * QUERIES_PER_ROW
    assert target.spent.passes == 0
    held, _ = run(twin.narrow_margins(), norm, least * 0.99, seed)
    assert not held.outcome.any()
    assert least <= held.figures[f"median {norm} distance reached"] < least * 1.05


@pytest.mark.parametrize("norm", NORMS)
def test_breaks_boosted_trees(norm: Norm):
    from sklearn.datasets import load_breast_cancer
    from sklearn.ensemble import GradientBoostingClassifier

    X, y = load_breast_cancer(return_X_y=True)
    columns = tuple(Column(f"x{i}", low=a, high=b) for i, (a, b) in enumerate(zip(X.min(0), X.max(0), strict=True)))
    data = Dataset(X, y, Schema(columns, ("malignant", "benign")))
    model = GradientBoostingClassifier(n_estimators=30, random_state=0).fit(X[:300], y[:300])
    system = System("trees", data.take(np.arange(300)), data.take(np.arange(300, 569)), model=adapt(model, data.schema))
    evidence, target = run(system, norm, 0.1 if norm == "linf" else 0.3, queries=400)
    assert evidence.outcome.mean() > 0.25
    assert target.spent.queries <= 400 * 50
    assert not any("impossible" in note for note in evidence.notes)


@control("test.refuse-far", mitigates=("evasion",), limit="rows in range")
class RefuseFar:
    """Refuse rows whose first column is above .6."""

    def on_request(self, request: Request) -> Request:
        return request.refuse(request.X[:, 0] > 0.6, "test.refuse-far", "far")


def test_works_around_refusals():
    evidence, target = run(twin.narrow_margins().with_(RefuseFar()), "linf", 0.05)
    assert evidence.outcome.mean() > 0.9
    assert target.spent.refusals > 0


def test_says_when_there_was_no_start():
    system = twin.narrow_margins()

    class Always:
        def predict_proba(self, X: np.ndarray) -> np.ndarray:
            return np.tile([1.0, 0.0], (len(X), 1))

    zeros = system.test.take(system.test.y == 0)
    certain = System("certain", system.train, zeros, model=_labelled(Always(), zeros.schema))
    evidence, _ = run(certain)
    assert not evidence.outcome.any()
    assert any("no wrong answer" in note for note in evidence.notes)


def _labelled(thing: object, schema: Schema):
    @dataclass
    class Bare:
        kind: str = "constant"
        features: int = schema.features
        classes: int = 2
        gives_scores: bool = True

        def scores(self, X: np.ndarray) -> np.ndarray:
            return thing.predict_proba(X)  # type: ignore[attr-defined]

        def network(self) -> None:
            return None

        def trees(self) -> None:
            return None

    return Bare()


def test_the_same_seed_gives_the_same_evidence_and_another_another():
    def numbers(evidence: Evidence) -> tuple[list[bool], dict[str, float]]:
        return evidence.outcome.tolist(), dict(evidence.figures)

    first, again, other = (run(twin.narrow_margins(), "l2", 0.113, seed, 300)[0] for seed in (3, 3, 4))
    assert numbers(first) == numbers(again)
    assert numbers(first) != numbers(other)
