"""Stealing models of several kinds through their answers, within the budget, whatever the answers look like."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import pytest

from casemate.attacks import find
from casemate.attacks.model_extraction.twin import linear_system
from casemate.core.access import Access, Budget
from casemate.core.control import Control
from casemate.core.dataset import Dataset
from casemate.core.errors import DataError
from casemate.core.evidence import Evidence
from casemate.core.request import Prediction, Request
from casemate.core.schema import Column, Schema
from casemate.core.statistics import clopper_pearson
from casemate.core.system import System
from casemate.core.target import Seeds, Target
from casemate.systems.models import adapt

ATTACK = find("model-extraction.substitute")
WITH_SCORES = ATTACK.needs.granted(Access.everything())


def target_of(system: System, seed: int = 0, access: Access = WITH_SCORES, **budget) -> Target:
    granted = replace(access, budget=Budget(**budget).over(access.budget))
    return Target(system, granted, Seeds.of(seed, ATTACK.id, "bare"))


def lower(evidence: Evidence) -> float:
    return clopper_pearson(int(evidence.outcome.sum()), len(evidence)).low


@dataclass(frozen=True, eq=False)
class Answering(Control):
    """A control of this test alone: it rewrites answers, and is in no registry."""

    change: Callable[[Request, Prediction], Prediction]
    id = "test.answering"
    mitigates = ("model-extraction",)
    limit = "none stated"
    module = __name__
    hooks = ("on_response",)
    on_error = "closed"

    def on_response(self, request: Request, prediction: Prediction) -> Prediction:
        return self.change(request, prediction)


@pytest.mark.parametrize("scores", [True, False], ids=["scores", "labels"])
@pytest.mark.parametrize("seed", range(3))
def test_the_twin_falls(seed: int, scores: bool) -> None:
    target = target_of(linear_system(), seed, replace(WITH_SCORES, scores=scores))
    evidence = ATTACK.run(target)
    assert lower(evidence) > 0.90
    assert target.spent.queries == 1000
    assert evidence.figures["queries"] == 1000
    assert evidence.notes[-1].startswith("copied from scores" if scores else "copied from labels")


def test_scores_of_a_linear_model_give_it_away_in_few_questions() -> None:
    evidence = ATTACK.run(target_of(linear_system(), queries=40))
    assert evidence.outcome.mean() > 0.99
    labels = ATTACK.run(target_of(linear_system(), access=replace(WITH_SCORES, scores=False), queries=40))
    assert labels.outcome.mean() < evidence.outcome.mean()


def library_system(name: str) -> System:
    from sklearn.datasets import load_breast_cancer, load_digits
    from sklearn.ensemble import RandomForestClassifier
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    X, y = (load_digits if name == "digits" else load_breast_cancer)(return_X_y=True)
    low, high = X.min(axis=0), X.max(axis=0)
    columns = tuple(Column(f"x{i}", low=low[i], high=max(high[i], low[i] + 1e-9)) for i in range(X.shape[1]))
    data = Dataset(X, y, Schema(columns, tuple(map(str, range(y.max() + 1)))))
    order = np.random.default_rng(0).permutation(len(X))
    train, test = data.take(order[: len(X) * 2 // 3]), data.take(order[len(X) * 2 // 3 :])
    forest = RandomForestClassifier(50, random_state=0, n_jobs=1)
    linear = make_pipeline(StandardScaler(), LogisticRegression(max_iter=500))
    victim = (linear if name == "digits" else forest).fit(train.X, train.y)
    return System(name, train, test, model=adapt(victim, data.schema))


@pytest.mark.parametrize(("name", "least"), [("digits", 0.95), ("breast cancer", 0.90)])
def test_real_data_with_few_rows_of_ones_own(name: str, least: float) -> None:
    evidence = ATTACK.run(target_of(library_system(name)))
    assert evidence.outcome.mean() > least
    assert evidence.figures["cross-validated agreement"] > 0.85


# Budgets.


@pytest.mark.parametrize("queries", [0, 1, 2, 3, 7, 101])
def test_every_query_of_the_budget_is_asked_and_no_more(queries: int) -> None:
    target = target_of(linear_system(), queries=queries)
    evidence = ATTACK.run(target)
    assert target.spent.queries == queries
    assert target.queries_left == 0
    assert len(evidence) == len(target.holdout)


def test_queries_already_spent_are_taken_into_account() -> None:
    target = target_of(linear_system(), queries=50)
    target.labels(target.population.X[:20])
    evidence = ATTACK.run(target)
    assert target.spent.queries == 50
    assert evidence.figures["answered"] == 30


def test_without_a_limit_it_asks_its_default() -> None:
    access = replace(WITH_SCORES, budget=Budget())
    target = Target(linear_system(), access, Seeds.of(0, ATTACK.id, "bare"))
    ATTACK.run(target)
    assert target.spent.queries == 1000


def test_more_questions_make_a_better_copy() -> None:
    access = replace(WITH_SCORES, scores=False)
    few, many = (ATTACK.run(target_of(linear_system(), access=access, queries=n)) for n in (30, 600))
    assert many.outcome.mean() > few.outcome.mean() + 0.05


def test_only_possible_rows_are_asked_about() -> None:
    system, asked = linear_system(), []
    watch = Answering(lambda request, answer: asked.append(request.X) or answer)
    target = target_of(system.with_(watch), queries=300)
    answers = len(ATTACK.run(target))
    rows = np.concatenate(asked)[:300]
    assert system.train.schema.possible(rows, rows).all()
    assert len(np.concatenate(asked)) == 300 + answers  # the rest is the harness's own measurement
    assert len(np.unique(rows, axis=0)) > 290


# Answers of every kind.


@pytest.mark.parametrize(
    ("change", "least"),
    [
        (lambda _, answer: answer.labels_only(), 0.95),
        (lambda _, answer: answer.rounded(1), 0.95),
        (lambda _, answer: answer.rounded(0), 0.95),
    ],
    ids=["labels only", "one decimal", "no decimals"],
)
def test_coarse_answers_do_not_stop_it(change, least: float) -> None:
    assert ATTACK.run(target_of(linear_system().with_(Answering(change)), queries=500)).outcome.mean() > least


def test_refused_rows_teach_nothing() -> None:
    def refuse(request: Request, answer: Prediction) -> Prediction:
        return answer.refuse(request.X[:, 0] > 0.5) if request.client != "measured" else answer

    target = target_of(linear_system().with_(Answering(refuse)), queries=400)
    evidence = ATTACK.run(target)
    assert target.spent.queries == 400
    assert evidence.figures["answered"] == 400 - target.spent.refusals
    assert 100 < evidence.figures["answered"] < 300
    assert evidence.outcome.mean() > 0.95  # a linear model is the same on the other side


def test_a_system_that_answers_nothing_loses_nothing() -> None:
    silence = Answering(lambda _, answer: answer.refuse(np.ones(len(answer), dtype=bool)))
    evidence = ATTACK.run(target_of(linear_system().with_(silence)))
    assert not evidence.outcome.any()
    assert evidence.figures["answered"] == 0
    assert "no question was answered" in evidence.notes[-1]


def test_a_model_of_one_answer_is_copied_at_once() -> None:
    system = linear_system()
    model = replace(system.model, weights=np.zeros((8, 3)))
    assert ATTACK.run(target_of(replace(system, model=model), queries=5)).outcome.all()


def test_scores_are_used_only_where_they_are_granted() -> None:
    granted = ATTACK.needs.granted(Access.black_box(scores=False, population=True))
    evidence = ATTACK.run(target_of(linear_system(), access=granted, queries=60))
    assert evidence.notes[-1].startswith("copied from labels")


# The contract.


def test_same_seed_same_evidence() -> None:
    first, again, other = (ATTACK.run(target_of(linear_system(), seed, queries=60)) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first.outcome, again.outcome)
    assert first.figures == again.figures
    assert not np.array_equal(first.ids, other.ids)


def test_arms_are_asked_the_same_first_questions() -> None:
    asked: dict[str, list[np.ndarray]] = {"bare": [], "full": []}
    for arm, rows in asked.items():
        watch = Answering(lambda request, answer, rows=rows: rows.append(request.X) or answer)
        few = replace(WITH_SCORES, budget=Budget(queries=60))
        target = Target(linear_system().with_(watch), few, Seeds.of(0, ATTACK.id, arm))
        ATTACK.run(target)
    np.testing.assert_array_equal(asked["bare"][0], asked["full"][0])


def test_an_attacker_without_rows_is_told_so() -> None:
    system = linear_system()
    with pytest.raises(DataError, match="no test row to give to the attacker"):
        ATTACK.run(target_of(replace(system, test=system.test.take(np.arange(1)))))
