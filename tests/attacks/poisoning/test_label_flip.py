"""Label flips: how many, which, and what they cost."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from casemate.attacks.poisoning import twin
from casemate.attacks.poisoning.label_flip import label_flip
from casemate.core.access import Access
from casemate.core.dataset import Dataset
from casemate.core.errors import AccessDenied, BudgetExceeded
from casemate.core.evidence import Evidence
from casemate.core.model import Model, PlainRecipe
from casemate.core.schema import Column, Schema
from casemate.core.statistics import paired_difference
from casemate.core.system import System
from casemate.core.target import Seeds, Target
from casemate.systems.models import adapt
from fakes import Majority, points, square


def attack(system: System, share: float = 0.1, seed: int = 0, arm: str = "bare") -> tuple[Evidence, Dataset, Target]:
    """Run the attack; return its evidence, the training data it handed in, and the target."""
    target = Target(system, Access.training(labels=True, share=share), Seeds.of(seed, "poisoning.label-flip", arm))
    handed: list[Dataset] = []
    retrain = target.retrain
    target.retrain = lambda data: handed.append(data) or retrain(data)  # type: ignore[method-assign, func-returns-value]
    evidence = label_flip(target)
    (poisoned,) = handed
    return evidence, poisoned, target


def flipped(system: System, poisoned: Dataset) -> np.ndarray:
    return np.flatnonzero(poisoned.y != system.train.y)


@pytest.mark.parametrize("seed", range(5))
def test_breaks_its_twin_beyond_the_catalogues_limit(seed: int):
    evidence, _, _ = attack(twin.nearest_neighbour(), seed=seed)
    assert evidence.figures["accuracy before"] > 0.99
    assert paired_difference(evidence.baseline, evidence.outcome).low > 0.05
    assert evidence.figures["accuracy in the neighbourhood after"] < 0.3


@pytest.mark.parametrize("share", [0.01, 0.05, 0.1, 0.33])
def test_flips_exactly_what_it_was_granted(share: float):
    system = square(200)
    evidence, poisoned, target = attack(system, share)
    assert len(flipped(system, poisoned)) == int(share * 200) == target.spent.rows == evidence.figures["labels flipped"]
    assert np.array_equal(poisoned.X, system.train.X)
    assert np.array_equal(poisoned.ids, system.train.ids)


def test_never_flips_a_row_to_the_label_that_it_has():
    system = square(100)
    evidence, poisoned, _ = attack(system, share=0.9)
    assert len(flipped(system, poisoned)) == evidence.figures["labels flipped"] < 90
    assert len(np.unique(poisoned.y)) == 1, "with so large a share only the goal's label is left"


def three_classes(counts: tuple[int, int, int] = (50, 80, 70)) -> System:
    schema = Schema((Column("a"), Column("b", high=1000.0)), ("p", "q", "r"))

    def draw(seed: int) -> Dataset:
        y = np.repeat(np.arange(3), counts)
        X = np.random.default_rng(seed).random((len(y), 2)) * [1.0, 1000.0]
        return Dataset(X, y, schema)

    return System("three", draw(1), draw(2), recipe=PlainRecipe(twin.memorise))


def test_flips_the_rows_of_the_largest_class_that_lie_nearest_to_one_another():
    system = three_classes()
    _, poisoned, _ = attack(system, share=0.1)
    rows = flipped(system, poisoned)
    assert set(system.train.y[rows]) == {1}
    assert len(set(poisoned.y[rows])) == 1
    Z = system.train.X / system.train.X.std(axis=0)
    own = np.flatnonzero(system.train.y == 1)
    spared = np.setdiff1d(own, rows)
    # Some flipped row is the centre: every flipped row lies nearer to it than every spared one.
    far = ((Z[rows][:, None] - Z[None]) ** 2).sum(axis=2)
    assert (far[:, rows].max(axis=1) <= far[:, spared].min(axis=1)).any()


def test_goes_on_to_further_classes_when_the_largest_is_used_up():
    system = three_classes()
    _, poisoned, _ = attack(system, share=0.5)
    rows = flipped(system, poisoned)
    assert len(rows) == 100
    assert (system.train.y[rows] == 1).sum() == 80
    assert len(set(poisoned.y[rows])) == 1


@settings(max_examples=20, deadline=None)
@given(scale=st.floats(1e-3, 1e6), shift=st.floats(-1e3, 1e3), seed=st.integers(0, 1000))
def test_the_unit_of_a_column_does_not_matter(scale: float, shift: float, seed: int):
    plain = square(80)
    schema = Schema((Column("a", low=shift, high=shift + scale), Column("b")), ("no", "yes"))
    train, test = (Dataset(d.X * [scale, 1] + [shift, 0], d.y, schema) for d in (plain.train, plain.test))
    other = replace(plain, train=train, test=test)
    assert np.array_equal(attack(plain, seed=seed)[1].y, attack(other, seed=seed)[1].y)


def test_the_same_seed_gives_the_same_evidence_and_every_arm_the_same_flips():
    first, poisoned, _ = attack(square(200), seed=3)
    again, _, _ = attack(square(200), seed=3)
    _, elsewhere, _ = attack(square(200).with_(Majority()), seed=3, arm="full")
    _, other, _ = attack(square(200), seed=4)
    assert np.array_equal(first.outcome, again.outcome)
    assert first.figures == again.figures
    assert poisoned.digest == elsewhere.digest != other.digest


def test_an_audit_of_the_labels_takes_the_sting_out():
    bare, _, _ = attack(square(400))
    full, _, _ = attack(square(400).with_(Majority()), arm="full")
    assert bare.figures["accuracy after"] < bare.figures["accuracy before"] - 0.05
    assert full.figures["accuracy after"] > full.figures["accuracy before"] - 0.01
    assert np.array_equal(bare.ids, full.ids), "arms are compared row by row"


def digits() -> System:
    from sklearn.datasets import load_digits

    X, y = load_digits(return_X_y=True)
    schema = Schema(tuple(Column(f"p{i}", kind="integer", high=16) for i in range(64)), tuple("0123456789"), (8, 8))
    return System("digits", Dataset(X[:900], y[:900], schema), Dataset(X[900:], y[900:], schema), recipe=FOREST)


def forest(data: Dataset, seed: int) -> Model:
    from sklearn.ensemble import RandomForestClassifier

    return adapt(RandomForestClassifier(40, random_state=seed).fit(data.X, data.y), data.schema)


FOREST = PlainRecipe(forest)


def test_a_forest_shrugs_off_random_flips_but_not_these():
    system = digits()
    evidence, _, _ = attack(system)
    rng = np.random.default_rng(0)
    rows = rng.choice(900, 90, replace=False)
    noisy = system.train.relabel(rows, (system.train.y[rows] + rng.integers(1, 10, 90)) % 10)
    target = Target(system, Access.training(share=0.1), Seeds.of(0, "poisoning.label-flip", "bare"))
    random_loss = target.correct(target.holdout).mean() - target.retrain(noisy).correct(target.holdout).mean()
    assert evidence.figures["accuracy before"] - evidence.figures["accuracy after"] > random_loss + 0.03


def test_says_what_it_did():
    evidence, poisoned, _ = attack(three_classes())
    goal = poisoned.schema.classes[int(poisoned.y[flipped(three_classes(), poisoned)][0])]
    assert evidence.notes == (f"20 of 200 labels, around one row of 'q', became {goal!r}",)
    assert evidence.metric == "accuracy lost"


def test_refuses_to_prove_something_with_no_flip():
    with pytest.raises(BudgetExceeded, match="holds not one label") as caught:
        attack(square(50), share=0.01)
    assert "grant a larger share" in str(caught.value)


def test_needs_a_hand_on_labels():
    with pytest.raises(AccessDenied):
        label_flip(Target(square(), Access(), Seeds.of(0, "poisoning.label-flip", "bare")))


def test_the_twins_learner_answers_with_the_nearest_label():
    data = points(50)
    model = twin.memorise(data, 0)
    assert isinstance(model, Model)
    assert np.array_equal(model.scores(data.X).argmax(axis=1), data.y)
    assert (model.features, model.network(), model.trees()) == (2, None, None)
