from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from casemate.core.access import Access, Budget
from casemate.core.control import Fitting, control
from casemate.core.dataset import Dataset
from casemate.core.errors import AccessDenied, BudgetExceeded, RecipeMissing
from casemate.core.model import PlainRecipe
from casemate.core.request import Request
from casemate.core.target import Seeds, Target
from fakes import AlarmAll, Majority, NearestNeighbour, RefuseLeft, fit, square

ALL = Access.everything()


def target(access: Access = ALL, *controls: object, samples: int = 50, **rest: object) -> Target:
    return Target(square(120, *controls, **rest), access, Seeds.of(0, "testing.x", "bare"), samples=samples)  # type: ignore[arg-type]


def test_queries_are_counted_and_refused_before_they_are_asked():
    t = target(Access.black_box(queries=10))
    t.ask(np.full((7, 2), 0.9))
    assert t.spent.queries == 7
    assert t.queries_left == 3
    with pytest.raises(BudgetExceeded, match="11 queries, its budget holds 10"):
        t.ask(np.full((4, 2), 0.9))
    assert t.spent.queries == 7


def test_queries_per_row_bound_the_whole():
    t = target(Access.black_box(queries=1000, queries_per_row=3), samples=20)
    assert t.budget.queries == 60


def test_rows_are_worked_out_from_the_share():
    assert target(Access.training(share=0.1)).budget.rows == 12


def test_retraining_counts_changed_rows():
    t = target(Access.training(labels=True, share=0.1))
    data = t.training_data
    flipped = data.relabel(np.arange(12), 1 - data.y[:12])
    child = t.retrain(flipped)
    assert t.spent.rows == 12
    assert child.correct(t.holdout).mean() < t.correct(t.holdout).mean()
    with pytest.raises(BudgetExceeded, match="13 changed training rows"):
        t.retrain(data.relabel(np.arange(13), 1 - data.y[:13]))


def test_label_access_does_not_reach_features():
    t = target(Access.training(labels=True, share=0.5))
    with pytest.raises(AccessDenied, match="labels only"):
        t.retrain(t.training_data.rewrite(np.array([0]), np.array([[0.1, 0.1]])))
    with pytest.raises(AccessDenied, match="labels only"):
        t.retrain(t.training_data.append(np.array([[0.1, 0.1]]), np.array([1])))


def test_retraining_goes_through_the_controls():
    t = target(Access.training(labels=True, share=0.3), Majority())
    data = t.training_data
    flipped = data.relabel(np.arange(36), 1 - data.y[:36])
    assert t.retrain(flipped).correct(t.holdout).mean() > 0.9


@pytest.mark.parametrize(
    "use",
    [
        lambda t: t.training_data,
        lambda t: t.population,
        lambda t: t.scores(t.holdout.X),
        lambda t: t.network,
        lambda t: t.teacher,
        lambda t: t.controls,
        lambda t: t.reference(t.holdout, 0),
    ],
)
def test_nothing_is_given_that_was_not_granted(use):
    with pytest.raises(AccessDenied):
        use(target(Access()))


def test_population_and_holdout_are_disjoint_and_whole():
    t = target(Access(population=True))
    both = np.concatenate([t.population.ids, t.holdout.ids])
    np.testing.assert_array_equal(np.sort(both), np.arange(120))


def test_without_population_everything_is_measured():
    assert len(target(Access()).holdout) == 120


def test_victims_are_answered_correctly_and_shared_by_arms():
    bare, guarded = target(Access()), target(Access(), RefuseLeft(line=0.25))
    assert bare.correct(bare.victims).all()
    assert guarded.correct(guarded.victims).all()
    assert (guarded.victims.X[:, 0] >= 0.25).all()
    assert len(np.intersect1d(bare.victims.ids, guarded.victims.ids)) > 25


def test_refusals_and_alarms_are_counted():
    t = target(Access.black_box(queries=100), RefuseLeft(line=0.5), AlarmAll())
    t.ask(np.array([[0.1, 0.5], [0.9, 0.5]]))
    assert (t.spent.refusals, t.spent.alarms) == (1, 2)


def test_an_alarm_makes_a_win_detected():
    t = target(Access.black_box(norm="linf", radius=1.0), AlarmAll())
    victims = t.victims
    evidence = t.present(np.column_stack([1 - victims.X[:, 0], victims.X[:, 1]]), origin=victims)
    assert evidence.outcome.mean() > 0.9
    assert evidence.undetected().outcome.sum() == 0


def test_impossible_and_distant_examples_do_not_win():
    t = target(Access.black_box(norm="linf", radius=0.1))
    victims = t.victims
    far = np.column_stack([1 - victims.X[:, 0], victims.X[:, 1]])
    near = np.abs(victims.X[:, 0] - 0.5) <= 0.05
    evidence = t.present(far, origin=victims)
    assert evidence.outcome.sum() <= near.sum()
    assert any("out of the radius" in note for note in evidence.notes)
    outside = t.present(victims.X + 5.0, origin=victims)
    assert not outside.outcome.any()


def test_a_goal_makes_an_attack_targeted():
    t = target(Access.black_box(norm="linf", radius=1.0))
    victims = t.victims
    mirrored = np.column_stack([1 - victims.X[:, 0], victims.X[:, 1]])
    reached = t.present(mirrored, origin=victims, goal=1 - victims.y)
    missed = t.present(mirrored, origin=victims, goal=victims.y)
    assert reached.outcome.mean() > 0.9 > 0.1 > missed.outcome.mean()


def test_membership_is_judged_against_the_hidden_truth():
    t = target(Access())
    suspects = t.suspects
    train = {tuple(row) for row in square(120).train.X}
    truth = np.array([tuple(row) in train for row in suspects.X], dtype=float)
    assert truth.mean() == 0.5
    perfect = t.unmask(truth)
    assert perfect.outcome.all()
    assert perfect.figures["AUC"] == 1.0
    blind = t.unmask(np.zeros(len(suspects)))
    assert not blind.outcome.any()


def test_a_copy_is_held_against_the_answers():
    t = target(Access())
    model = fit(square(120).train, 0)
    assert t.compare(lambda X: model.scores(X).argmax(axis=1)).outcome.all()
    assert t.compare(lambda X: np.zeros(len(X), int)).outcome.mean() < 0.7


@control("testing.budget", mitigates=("evasion",), limit="whoever has another account; made for tests")
class Budgeted:
    """Answer three rows of each client."""

    def on_request(self, request: Request) -> Request:
        return request.refuse(request.tally("testing.budget") > 3, "testing.budget", "used up")


def answered(t: Target, campaigns: np.ndarray | None = None, rows: int = 10) -> int:
    return int((~t.ask(np.full((rows, 2), 0.9), campaigns).refused).sum())


def test_accounts_take_turns_over_many_questions():
    assert answered(target(Access(), Budgeted())) == 3
    t = target(Access(budget=Budget(clients=2)), Budgeted())
    assert [answered(t, rows=1) for _ in range(8)] == [1] * 6 + [0] * 2
    assert answered(target(Access(budget=Budget(clients=3)), Budgeted())) == 9


def test_campaigns_are_attackers_of_their_own():
    rows = np.arange(10) % 2
    assert answered(target(Access(), Budgeted()), rows) == 6
    t = target(Access(budget=Budget(clients=2)), Budgeted())
    assert [answered(t, rows) for _ in range(2)] == [10, 2]
    assert t.spent.queries == 20
    assert t.spent.refusals == 8


def test_more_rows_attacked_do_not_make_a_query_budget_look_stronger():
    few, many = (target(Access(), Budgeted(), samples=n) for n in (5, 50))
    for t, n in ((few, 5), (many, 50)):
        assert answered(t, np.repeat(np.arange(n), 4), rows=4 * n) == 3 * n


def test_seconds_run_out():
    t = target(Access(budget=Budget(seconds=0.0)))
    with pytest.raises(BudgetExceeded, match="not done within the 0 seconds"):
        t.ask(np.zeros((1, 2)))


def test_the_owners_time_is_not_the_attackers(monkeypatch: pytest.MonkeyPatch):
    now = [0.0]
    monkeypatch.setattr("casemate.core.ledger.time.perf_counter", lambda: now[0])

    def slow(data: Dataset, seed: int) -> NearestNeighbour:
        now[0] += 100.0
        return fit(data, seed)

    access = Access(training_labels=True, budget=Budget(seconds=5.0, share=0.5))
    t = target(access, recipe=PlainRecipe(slow))
    t._ledger.started = 0.0
    t.retrain(t.training_data.relabel(np.array([0]), 1 - t.training_data.y[:1])).correct(t.holdout)
    t.ask(t.victims.X)
    assert now[0] >= 200.0
    assert t.spent.seconds == 0.0
    now[0] += 6.0
    with pytest.raises(BudgetExceeded, match="5 seconds"):
        t.ask(t.holdout.X)


def test_a_system_that_cannot_be_trained_says_so():
    t = target(Access.training(share=0.1), recipe=None, model=fit(square(120).train, 0))
    with pytest.raises(RecipeMissing, match="recipe"):
        t.correct(t.holdout)


def test_seeds_depend_on_attack_and_arm_but_the_victim_does_not():
    a, b, c = Seeds.of(0, "x.y", "bare"), Seeds.of(0, "x.y", "full"), Seeds.of(0, "x.z", "bare")
    assert a.victim == b.victim == c.victim
    assert a.common == b.common != c.common
    assert len({a.cell, b.cell, c.cell}) == 3


def test_references_are_the_attackers_and_counted():
    t = target(Access(recipe=True, budget=Budget(references=1)), recipe=PlainRecipe(fit))
    reference = t.reference(square(120).test, 3)
    assert reference.scores(np.array([[0.9, 0.5]])).argmax() == 1
    with pytest.raises(BudgetExceeded, match="reference models"):
        t.reference(square(120).test, 4)


def test_a_model_without_gradients_says_what_is_in_their_way(monkeypatch):
    t = target()
    monkeypatch.setattr(type(t._guard.model), "network", lambda self: None)
    kind = t._guard.model.kind
    assert t.lacks(["network"]) == f"the model has no gradients ({kind})"
    monkeypatch.setattr(type(t._guard.model), "network_gap", "ZipMap", raising=False)
    assert t.lacks(["network"]) == f"the model has no gradients ({kind}; in the way: ZipMap)"


def test_answers_show_no_alarms_and_no_scores_that_were_not_granted():
    labels_only = target(Access.black_box(queries=100), RefuseLeft(line=0.5), AlarmAll())
    reply = labels_only.ask(np.array([[0.1, 0.5], [0.9, 0.5]]))
    assert reply.scores is None
    assert not reply.alarmed.any()
    assert reply.refused.tolist() == [True, False]
    assert labels_only.spent.alarms == 2
    assert target(Access.black_box(queries=100)).ask(np.array([[0.9, 0.5]])).scores is None
    assert target(Access(scores=True)).ask(np.array([[0.9, 0.5]])).scores is not None


def test_a_budget_per_row_is_for_the_rows_that_are_attacked():
    t = target(Access.black_box(queries_per_row=3), RefuseLeft(line=0.8), samples=50)
    assert t.budget.queries == 150
    attacked = len(t.victims)
    assert t.queries_left == 3 * attacked < 150


def test_a_share_is_worked_out_exactly():
    system = square(100)
    assert Target(system, Access.training(share=0.29), Seeds.of(0, "testing.x", "bare")).budget.rows == 29


@control("testing.drop-and-blur", mitigates=("membership-inference",), limit="everything; made for tests")
class DropAndBlur:
    """Leave out the training rows on the left, and round the others."""

    def on_data(self, fitting: Fitting) -> Dataset:
        kept = fitting.data.take(fitting.data.X[:, 0] > 0.3)
        return kept.rewrite(np.arange(len(kept)), np.round(kept.X, 1))


def members_of(t: Target) -> Dataset:
    """The members among the suspects, under the identities that their evidence has."""
    system = square(120)
    known = {tuple(row): id for row, id in zip(system.train.X, system.train.ids, strict=True)}
    found = t.unmask(np.array([float(tuple(row) in known) for row in t.suspects.X]))
    truth = np.array([tuple(row) in known for row in t.suspects.X])
    members = t.suspects.take(truth)
    np.testing.assert_array_equal(found.ids, [known[tuple(row)] for row in members.X])
    return replace(members, ids=found.ids)


def test_arms_pair_the_same_members_also_where_a_control_leaves_rows_out_of_the_training():
    bare, guarded = members_of(target(Access())), members_of(target(Access(), DropAndBlur()))
    assert (guarded.X[:, 0] > 0.3).all(), "who was left out is no member"
    assert len(np.intersect1d(bare.ids, guarded.ids)) > 20
    assert len(np.setdiff1d(guarded.ids, bare.ids)) > 0


def test_a_test_row_that_was_also_trained_on_is_no_suspect():
    system = square(120)
    both = system.test.rewrite(np.arange(60), system.train.X[:60]).relabel(np.arange(60), system.train.y[:60])
    t = Target(replace(system, test=both), Access(), Seeds.of(0, "testing.x", "bare"), samples=100)
    trained = {tuple(row) for row in system.train.X}
    assert sum(tuple(row) in trained for row in t.suspects.X) == len(t.suspects) / 2 == 60


def test_a_copy_is_judged_on_the_rows_that_are_answered():
    t = target(Access(), RefuseLeft(line=0.5))
    evidence = t.compare(lambda X: (X[:, 0] > 0.5).astype(int))
    assert evidence.outcome.mean() > 0.95, "refusing honest rows makes no copy worse"
    assert len(evidence) == (t.holdout.X[:, 0] >= 0.5).sum()
    assert evidence.figures["honest rows refused, and left out"] == pytest.approx(1 - len(evidence) / 120)
