"""RMIA against the paper's formula in plain loops, on systems that leak and on systems that do not."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from casemate.attacks import find
from casemate.attacks.data_extraction.membership_rmia import _expected, _memberships, _rmia
from casemate.attacks.data_extraction.twin import Memoriser, memorise, memorising_system
from casemate.controls.access.query_budget import QueryBudget
from casemate.core.access import Budget
from casemate.core.control import Control
from casemate.core.dataset import Dataset
from casemate.core.errors import AccessDenied, DataError
from casemate.core.evidence import Evidence
from casemate.core.model import PlainRecipe
from casemate.core.request import Prediction, Request
from casemate.core.schema import Column, Schema
from casemate.core.statistics import clopper_pearson
from casemate.core.system import System
from casemate.core.target import Seeds, Target
from casemate.systems.models import adapt

ATTACK = find("data-extraction.membership-rmia")
WITH_SCORES = replace(ATTACK.needs, scores=True)

likelihoods = st.floats(1e-6, 1.0)


def attacked(system: System, seed: int = 0, samples: int = 100, access=WITH_SCORES, arm: str = "bare") -> Evidence:
    return ATTACK.run(Target(system, access, Seeds.of(seed, ATTACK.id, arm), samples=samples))


def lower(evidence: Evidence) -> float:
    return clopper_pearson(int(evidence.outcome.sum()), len(evidence)).low


# The formula.


@given(
    arrays(np.float64, st.integers(2, 25), elements=likelihoods),
    st.sampled_from([1.0, 2.0, 4.0]),
    st.randoms(use_true_random=False),
)
def test_scores_equal_the_papers_formula_in_loops(p, gamma, random) -> None:
    mean = np.array([random.uniform(1e-6, 1.0) for _ in p])
    wanted = []
    for x in range(len(p)):
        ratio_x = p[x] / mean[x]
        beaten = 0
        for z in range(len(p)):
            if z != x and ratio_x / gamma >= p[z] / mean[z]:
                beaten += 1
        wanted.append(beaten / (len(p) - 1))
    np.testing.assert_allclose(_rmia(p, mean, gamma), wanted, atol=1e-12)


@given(
    arrays(np.float64, st.tuples(st.integers(1, 4), st.integers(1, 8)), elements=likelihoods),
    st.randoms(use_true_random=False),
)
def test_the_expected_likelihood_is_the_mean_of_both_worlds(half, random) -> None:
    pairs, rows = half.shape
    p = np.concatenate([half, np.array([[random.uniform(1e-6, 1.0) for _ in range(rows)] for _ in range(pairs)])])
    first = np.array([[random.random() < 0.5 for _ in range(rows)] for _ in range(pairs)])
    inside = np.concatenate([first, ~first])
    wanted = [np.mean([p[k, x] for k in range(2 * pairs)]) for x in range(rows)]  # every row in as often as out
    np.testing.assert_allclose(_expected(p, inside), wanted)


def test_a_larger_gamma_ranks_the_same_but_for_ties() -> None:
    rng = np.random.default_rng(0)
    p, mean = rng.random(200) + 1e-6, rng.random(200) + 1e-6
    fine, coarse = _rmia(p, mean, 1.0), _rmia(p, mean, 3.0)
    order = np.argsort(fine)
    assert (np.diff(coarse[order]) >= 0).all()
    assert len(np.unique(fine)) > len(np.unique(coarse))


def test_a_row_out_of_every_model_gets_the_offline_line() -> None:
    inside = np.array([[True, True, False, False]])
    p = np.array([[0.9, 0.7, 0.5, 0.1]])
    a = (1 - 0.8) / (1 - 0.3)
    expected = _expected(p, inside)
    np.testing.assert_allclose(expected[2:], [(0.5 + a * 0.5 + 1 - a) / 2, (0.1 + a * 0.1 + 1 - a) / 2])
    np.testing.assert_allclose(expected[:2], [(0.9 + 0.3) / 2, (0.7 + 0.3) / 2])


def test_without_reference_models_a_row_is_expected_to_be_certain() -> None:
    np.testing.assert_array_equal(_expected(np.empty((0, 3)), np.empty((0, 3), dtype=bool)), np.ones(3))


def test_reference_models_that_did_not_answer_are_left_out() -> None:
    inside = np.array([[True], [True], [False], [False]])
    p = np.array([[0.8], [np.nan], [0.2], [0.4]])
    np.testing.assert_allclose(_expected(p, inside), [(0.8 + 0.3) / 2])


def test_rows_that_were_not_answered_come_last_and_count_for_nobody() -> None:
    p, mean = np.array([0.5, np.nan, 0.9]), np.array([0.5, 0.1, 0.5])
    np.testing.assert_array_equal(_rmia(p, mean), [0.0, -np.inf, 1.0])
    assert (_rmia(np.full(3, np.nan), np.ones(3)) == -np.inf).all()


# Who is in which reference model.


@given(st.lists(st.integers(0, 3), min_size=2, max_size=60), st.integers(0, 9), st.integers(0, 2**31))
def test_halves_are_complementary_and_hold_every_class(labels, references, seed) -> None:
    y = np.array(labels)
    inside = _memberships(y, references, np.random.default_rng(seed))
    assert inside.shape == (references, len(y))
    for rows in inside:
        assert set(y[rows]) == set(labels)
    lonely = np.bincount(y)[y] == 1
    for first, second in zip(inside[0::2], inside[1::2], strict=False):
        np.testing.assert_array_equal(first[~lonely], ~second[~lonely])
        assert abs(int(first.sum()) - int(second.sum())) <= len(set(labels))


def test_rows_fall_into_either_half_equally_often() -> None:
    y = np.repeat([0, 1], [5, 20])  # five is odd: neither half may always get the odd row
    share = _memberships(y, 2000, np.random.default_rng(0))[0::2].mean(axis=0)
    np.testing.assert_allclose(share, 0.5, atol=0.06)


# Systems that leak.


@pytest.mark.parametrize("scores", [True, False])
@pytest.mark.parametrize("seed", range(4))
def test_the_twin_falls(seed: int, scores: bool) -> None:
    evidence = attacked(memorising_system(), seed, access=replace(ATTACK.needs, scores=scores))
    assert len(evidence) == 100
    assert evidence.figures["false-positive rate"] <= 0.05
    assert lower(evidence) > 0.10


def fitted(data: Dataset, seed: int):
    from sklearn.ensemble import RandomForestClassifier

    return adapt(RandomForestClassifier(20, random_state=seed, n_jobs=1).fit(data.X, data.y), data.schema)


def noisy_system(classes: int = 2, rows: int = 500) -> System:
    rng = np.random.default_rng(classes)
    schema = Schema(tuple(Column(f"x{i}") for i in range(5)), tuple("abcdef"[:classes]))
    X = rng.random((2 * rows, 5))
    y = (X[:, 0] * classes).astype(int)
    y = np.where(rng.random(len(y)) < 0.5, rng.integers(classes, size=len(y)), y)
    data = Dataset(X, y, schema)
    return System(
        f"noisy {classes}",
        data.take(np.arange(rows)),
        data.take(np.arange(rows, 2 * rows)),
        recipe=PlainRecipe(fitted),
    )


@pytest.mark.parametrize("classes", [2, 4])
def test_a_forest_that_learnt_noise_by_heart_leaks(classes: int) -> None:
    evidence = attacked(noisy_system(classes))
    assert evidence.figures["AUC"] > 0.75
    assert lower(evidence) > 0.10


def test_the_attackers_own_rows_are_optional() -> None:
    access = replace(WITH_SCORES, population=False)
    evidence = attacked(memorising_system(), access=access)
    assert lower(evidence) > 0.10


@pytest.mark.parametrize("references", [0, 1, 3, 16])
def test_any_number_of_references_will_do(references: int) -> None:
    target = Target(
        memorising_system(),
        replace(WITH_SCORES, budget=Budget(references=references)),
        Seeds.of(1, ATTACK.id, "bare"),
    )
    evidence = ATTACK.run(target)
    assert target.spent.trainings == references
    assert evidence.figures["AUC"] > 0.8


# Systems that do not.


def test_a_model_trained_on_other_rows_gives_chance() -> None:
    found = members = 0
    for seed in range(6):
        system = memorising_system()
        stranger = np.random.default_rng(seed)
        other = system.train.rewrite(np.arange(len(system.train)), stranger.random(system.train.X.shape))
        innocent = replace(system, model=memorise(other, 0))
        evidence = attacked(innocent, seed)
        found, members = found + int(evidence.outcome.sum()), members + len(evidence)
        assert 0.3 < evidence.figures["AUC"] < 0.7
    interval = clopper_pearson(found, members)
    assert interval.low <= 0.05 <= interval.high


def constant(data: Dataset, seed: int) -> Memoriser:
    return Memoriser(np.zeros((data.classes, data.schema.features)), np.arange(data.classes), data.classes)


def test_a_model_that_ignores_its_data_gives_chance() -> None:
    system = replace(memorising_system(), recipe=PlainRecipe(constant))
    outcomes = [attacked(system, seed).outcome for seed in range(6)]
    interval = clopper_pearson(int(np.sum(outcomes)), np.size(outcomes))
    assert interval.low <= 0.05 <= interval.high


# Controls, and what they do not stop.


@dataclass(frozen=True, eq=False)
class Answering(Control):
    """A control of this test alone: it rewrites answers, and is in no registry."""

    change: Callable[[Request, Prediction], Prediction]
    id = "test.answering"
    mitigates = ("membership-inference",)
    limit = "none stated"
    module = __name__
    hooks = ("on_response",)
    on_error = "closed"

    def on_response(self, request: Request, prediction: Prediction) -> Prediction:
        return self.change(request, prediction)


@pytest.mark.parametrize(
    "change",
    [lambda _, answer: answer.labels_only(), lambda _, answer: answer.rounded(1), lambda _, answer: answer.rounded(0)],
    ids=["labels only", "one decimal", "no decimals"],
)
def test_coarse_answers_do_not_stop_it(change) -> None:
    assert lower(attacked(memorising_system().with_(Answering(change)))) > 0.10


def test_refused_suspects_are_never_found() -> None:
    def refuse(request: Request, answer: Prediction) -> Prediction:
        return answer.refuse(request.X[:, 1] < 0.5)

    target = Target(memorising_system().with_(Answering(refuse)), WITH_SCORES, Seeds.of(0, ATTACK.id, "full"))
    seen = {}
    honest = target.unmask
    target.unmask = lambda scores, fpr: seen.update(scores=scores) or honest(scores, fpr=fpr)
    evidence = ATTACK.run(target)
    silent = target.suspects.X[:, 1] < 0.5
    assert 50 < silent.sum() < 150
    np.testing.assert_array_equal(seen["scores"] == -np.inf, silent)
    assert 0.10 < evidence.outcome.mean() < 0.65  # half of the members answer, and most of them give themselves away


def test_a_system_that_answers_nothing_gives_nothing_away() -> None:
    silence = Answering(lambda _, answer: answer.refuse(np.ones(len(answer), dtype=bool)))
    for scores in (True, False):
        evidence = attacked(memorising_system().with_(silence), access=replace(ATTACK.needs, scores=scores))
        assert not evidence.outcome.any()


# The contract.


def test_same_seed_same_evidence() -> None:
    first, again, other = (attacked(memorising_system(), seed) for seed in (3, 3, 4))
    np.testing.assert_array_equal(first.outcome, again.outcome)
    np.testing.assert_array_equal(first.ids, again.ids)
    assert first.figures == again.figures
    assert first.figures != other.figures


def test_it_asks_about_each_suspect_once_and_trains_what_it_may() -> None:
    target = Target(memorising_system(), WITH_SCORES, Seeds.of(0, ATTACK.id, "bare"), samples=60)
    evidence = ATTACK.run(target)
    assert target.spent.queries == 120
    assert target.spent.trainings == 8
    assert len(evidence) == 60


trained: list[int] = []


def counted(data: Dataset, seed: int) -> Memoriser:
    trained.append(seed)
    return memorise(data, seed)


def test_arms_share_their_reference_models() -> None:
    system = replace(memorising_system(), recipe=PlainRecipe(counted))
    trained.clear()
    attacked(system, arm="bare")
    assert len(trained) == 9
    rounding = Answering(lambda _, answer: answer.rounded(2))
    attacked(system.with_(rounding), arm="full")
    assert len(trained) == 9


def test_too_few_non_members_are_refused_with_a_reason() -> None:
    system = memorising_system()
    small = replace(system, test=system.test.take(np.arange(38)))
    with pytest.raises(DataError, match="19 non-members are too few"):
        attacked(small)
    enough = replace(system, test=system.test.take(np.arange(40)))
    assert len(attacked(enough)) == 20


def test_it_needs_the_recipe() -> None:
    with pytest.raises(AccessDenied, match="the training recipe"):
        attacked(memorising_system(), access=replace(WITH_SCORES, recipe=False))


# The twin's learner.


def test_the_memoriser_knows_its_rows_and_stays_finite_far_away() -> None:
    train = memorising_system().train
    model = memorise(train, 0)
    np.testing.assert_array_equal(model.scores(train.X).argmax(axis=1), train.y)
    far = model.scores(np.full((1, model.features), 1e6))
    np.testing.assert_allclose(far.sum(axis=1), 1.0)
    assert model.network() is None
    assert model.trees() is None


def test_each_suspect_is_asked_about_by_somebody_else() -> None:
    metered = memorising_system().with_(QueryBudget(queries=1))
    bare, full = attacked(memorising_system()), attacked(metered)
    assert full.outcome.mean() == bare.outcome.mean() > 0.1


def test_what_the_queries_do_not_reach_is_not_found() -> None:
    access = replace(WITH_SCORES, budget=Budget(queries=60, references=2))
    target = Target(memorising_system(), access, Seeds.of(0, ATTACK.id, "bare"))
    evidence = ATTACK.run(target)
    assert target.spent.queries == 60 < len(target.suspects) == 200
    assert 0 < evidence.outcome.sum() <= 60
