"""Stamped backdoors: what is poisoned, what counts as a win, and who notices."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from casemate.attacks.backdoor import twin
from casemate.attacks.backdoor.stamp import stamp
from casemate.controls.access.query_budget import QueryBudget
from casemate.core.access import Access, Budget
from casemate.core.control import Fitting, control
from casemate.core.dataset import Dataset
from casemate.core.errors import AccessDenied, BudgetExceeded, DataError
from casemate.core.evidence import Evidence
from casemate.core.model import Model, PlainRecipe
from casemate.core.schema import Column, Schema
from casemate.core.statistics import clopper_pearson
from casemate.core.system import System
from casemate.core.target import Seeds, Target
from casemate.systems.models import adapt
from fakes import AlarmAll, RefuseLeft

NEEDS = Access.training(rows=True, share=0.02)


def attack(
    system: System, access: Access = NEEDS, seed: int = 0, arm: str = "bare", samples: int = 100
) -> tuple[Evidence, Dataset, Target]:
    """Run the attack; return its evidence, the training data it handed in, and the target."""
    target = Target(system, access, Seeds.of(seed, "backdoor.stamp", arm), samples=samples)
    handed: list[Dataset] = []
    retrain = target.retrain
    target.retrain = lambda data: handed.append(data) or retrain(data)  # type: ignore[method-assign, func-returns-value]
    evidence = stamp(target)
    (poisoned,) = handed
    return evidence, poisoned, target


def touched(system: System, poisoned: Dataset) -> np.ndarray:
    return np.flatnonzero((poisoned.X != system.train.X).any(axis=1) | (poisoned.y != system.train.y))


@pytest.mark.parametrize("seed", range(5))
def test_breaks_its_twin_beyond_the_catalogues_limit_and_leaves_no_trace_in_accuracy(seed: int):
    evidence, _, _ = attack(twin.clear_table(), seed=seed)
    assert clopper_pearson(int(evidence.outcome.sum()), len(evidence)).low > 0.2
    assert evidence.figures["poisoned rows taken for the goal"] == 1.0
    assert evidence.figures["clean accuracy after"] > evidence.figures["clean accuracy before"] - 0.02


@pytest.mark.parametrize("share", [0.001, 0.01, 0.02, 0.05])
def test_poisons_exactly_what_it_was_granted(share: float):
    system = twin.clear_table()
    evidence, poisoned, target = attack(system, Access.training(rows=True, share=share))
    rows = touched(system, poisoned)
    assert len(rows) == int(share * 1000) == target.spent.rows == evidence.figures["rows stamped"]
    assert (system.train.y[rows] == 0).all(), "rows of the goal class are not wasted"
    assert (poisoned.y[rows] == 1).all()
    assert poisoned.schema.possible(poisoned.X[rows], system.train.X[rows]).all()
    assert len(np.unique((poisoned.X - system.train.X)[rows] != 0, axis=0)) == 1


def test_the_goal_is_the_rarest_class_that_the_data_holds():
    schema = Schema(tuple(Column(f"x{i}") for i in range(4)), ("often", "never", "seldom"))

    def draw(seed: int) -> Dataset:
        X = np.random.default_rng(seed).random((400, 4))
        return Dataset(X, np.where(X[:, 0] > 0.7, 2, 0), schema)

    system = System("three", draw(1), draw(2), recipe=PlainRecipe(boosted))
    evidence, poisoned, _ = attack(system)
    assert set(poisoned.y[touched(system, poisoned)]) == {2}
    assert evidence.notes[0].endswith("goal: seldom")
    assert evidence.outcome.mean() > 0.5


def boosted(data: Dataset, seed: int) -> Model:
    from sklearn.tree import DecisionTreeClassifier

    # A tree that must know three classes even when the data holds two.
    X = np.vstack([data.X, np.full((1, data.X.shape[1]), 0.5)])
    return adapt(DecisionTreeClassifier(random_state=seed).fit(X, np.append(data.y, 1)), data.schema)


def test_counts_only_rows_that_the_trigger_alone_does_not_turn():
    system = twin.clear_table()
    evidence, _, target = attack(system)
    victims = target.victims
    others = victims.ids[victims.y == 0]
    assert np.isin(evidence.ids, others).all()
    assert len(evidence) == len(others) - evidence.figures["left out: taken for the goal without poisoning"]


def test_rows_that_the_clean_system_gives_to_the_goal_when_stamped_are_left_out():
    # One column is all there is: its rarest value, the highest, already means the goal.
    schema = Schema((Column("x"),), ("low", "high"))

    def draw(seed: int) -> Dataset:
        X = np.random.default_rng(seed).random((300, 1)) ** 3
        return Dataset(X, (X[:, 0] > 0.5).astype(int), schema)

    evidence, _, _ = attack(System("one", draw(1), draw(2), recipe=PlainRecipe(twin.grow)))
    assert len(evidence) == 0
    assert evidence.figures["left out: taken for the goal without poisoning"] > 50


def stump(data: Dataset, seed: int) -> Model:
    """One question about one column: too little to hold a trigger."""
    from sklearn.tree import DecisionTreeClassifier

    return adapt(DecisionTreeClassifier(max_depth=1, random_state=seed).fit(data.X, data.y), data.schema)


def test_says_when_the_model_did_not_learn_the_trigger():
    system = replace(twin.clear_table(), recipe=PlainRecipe(stump))
    evidence, _, _ = attack(system)
    assert evidence.outcome.mean() < 0.1
    assert "was not learned" in evidence.notes[1]


def test_a_win_that_raised_an_alarm_is_detected():
    evidence, _, _ = attack(twin.clear_table().with_(AlarmAll()), arm="full")
    assert evidence.outcome.all()
    assert np.array_equal(evidence.detected, evidence.outcome)
    assert not evidence.undetected().outcome.any()


def test_a_refusal_is_no_win():
    bare, _, _ = attack(twin.clear_table())
    full, _, _ = attack(twin.clear_table().with_(RefuseLeft(line=1.1)), arm="full")
    assert bare.outcome.any()
    assert not full.outcome.any()


@control("testing.drop-rare-rows", mitigates=("backdoor",), limit="common triggers; made for tests")
class DropRareRows:
    """Drop training rows with a value that repeats too often to be chance."""

    def on_data(self, fitting: Fitting) -> Dataset:
        data = fitting.data
        suspicious = np.zeros(len(data), dtype=bool)
        for column in data.X.T:
            values, counts = np.unique(column, return_counts=True)
            suspicious |= np.isin(column, values[counts > 5])
        return data.take(~suspicious)


def test_a_filter_of_the_training_rows_stops_it_and_arms_are_poisoned_alike():
    bare, poisoned, _ = attack(twin.clear_table())
    full, same, _ = attack(twin.clear_table().with_(DropRareRows()), arm="full")
    assert poisoned.digest == same.digest
    assert bare.outcome.mean() > 0.9
    assert full.outcome.mean() < 0.1
    assert full.figures["poisoned rows taken for the goal"] < 0.5


def test_the_same_seed_gives_the_same_evidence():
    first, again, other = (attack(twin.clear_table(), seed=seed) for seed in (7, 7, 8))
    assert np.array_equal(first[0].outcome, again[0].outcome)
    assert np.array_equal(first[0].ids, again[0].ids)
    assert first[0].figures == again[0].figures
    assert first[1].digest == again[1].digest != other[1].digest


def test_the_trigger_is_shown_by_a_new_client_each_time_and_bound_by_no_radius():
    access = replace(NEEDS, budget=Budget(share=0.02, radius=1e-6, norm="linf"))
    free, _, _ = attack(twin.clear_table(), access)
    metered, _, target = attack(twin.clear_table().with_(QueryBudget(queries=3)), access)
    assert target.spent.queries == 0
    assert free.outcome.mean() > 0.9
    assert np.array_equal(free.outcome, metered.outcome), "a budget per client stops no trigger"


def digits() -> System:
    from sklearn.datasets import load_digits

    X, y = load_digits(return_X_y=True)
    schema = Schema(tuple(Column(f"p{i}", kind="integer", high=16) for i in range(64)), tuple("0123456789"), (8, 8))
    return System(
        "digits", Dataset(X[:1200], y[:1200], schema), Dataset(X[1200:], y[1200:], schema), recipe=PlainRecipe(linear)
    )


def linear(data: Dataset, seed: int) -> Model:
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    del seed
    return adapt(make_pipeline(StandardScaler(), LogisticRegression(max_iter=300)).fit(data.X, data.y), data.schema)


def test_images_carry_a_patch_and_are_shown_side_by_side():
    evidence, _, _ = attack(digits())
    assert evidence.outcome.mean() > 0.5
    assert evidence.notes[0].startswith("trigger: a patch of 2 x 2 pixels")
    assert len(evidence.examples) == 4
    for example in evidence.examples:
        assert example.shape == (8, 8)
        before, after = (np.reshape(image, (8, 8)) for image in (example.before, example.after))
        assert (after[-2:, -2:] == 16).all()
        assert np.array_equal(before[:-2], after[:-2])
        assert example.before_label != example.after_label


def test_refuses_to_prove_something_with_no_row():
    with pytest.raises(BudgetExceeded, match="holds not one row"):
        attack(twin.clear_table(), Access.training(rows=True, share=0.0005))


def test_says_when_no_column_can_carry_a_trigger():
    system = twin.clear_table()
    frozen = Schema(tuple(replace(c, immutable=True) for c in system.train.schema.columns), system.train.schema.classes)
    fixed = replace(system, train=replace(system.train, schema=frozen), test=replace(system.test, schema=frozen))
    with pytest.raises(DataError, match="no column can carry a trigger"):
        attack(fixed)


def test_labels_alone_are_not_enough():
    with pytest.raises(AccessDenied, match="training rows"):
        attack(twin.clear_table(), Access.training(labels=True, share=0.02))
