from __future__ import annotations

import datetime
import math
from pathlib import Path

import numpy as np
import pytest

from casemate.controls.aggregation.ledger import Budget, Ledger
from casemate.controls.encrypted_aggregation.combining import combine
from casemate.controls.encrypted_aggregation.private_noise import (
    FieldNoise,
    PrivateNoise,
    charge,
    field_noises,
    largest_noise,
)
from casemate.controls.encrypted_aggregation.questions import EncryptedQuestion, Fields
from casemate.core.errors import BudgetSpent, OutOfRange
from encrypted_rounds import incomes, new_round

MANY = Fields(8_000, 0, 5, 5, 5)
NOW = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)


@pytest.mark.parametrize("delta", [0.0, 1e-6])
def test_noise_has_the_scale_that_the_guarantee_takes(delta: float) -> None:
    noise = FieldNoise(MANY, 0.5, delta, 1)
    drawn = noise.drawn()
    variance = 2 * noise.scale**2 if not delta else noise.scale**2
    assert abs(drawn.mean()) < 5 * math.sqrt(variance / MANY.count)
    assert drawn.var() == pytest.approx(variance, rel=0.15)
    assert noise.scale == pytest.approx(10.0 if not delta else 53.0, rel=0.01)


@pytest.mark.parametrize("delta", [0.0, 1e-6])
@pytest.mark.parametrize("holders", [1, 4])
def test_tails_are_bounds_and_not_far_from_the_truth(delta: float, holders: int) -> None:
    noise = FieldNoise(MANY, 0.5, delta, holders)
    drawn = np.sum([noise.drawn() for _ in range(holders)], axis=0)
    for probability in (0.05, 0.005):
        share = (np.abs(drawn) > noise.tail(-math.log(probability))).mean()
        assert share <= probability
        assert (np.abs(drawn) > noise.tail(-math.log(probability)) / 3).mean() > probability
    assert np.abs(drawn).max() < largest_noise(noise, MANY.count)


def test_the_laplace_tail_is_the_exact_one_for_one_holder_but_for_a_factor() -> None:
    noise = FieldNoise(Fields(1, 0, 1, 100, 100), 1.0, 0.0, 1)
    log = 60 * math.log(2)
    assert log * noise.scale < noise.tail(log) < 1.2 * log * noise.scale  # the exact tail is exp(-x / scale)


@pytest.mark.parametrize("delta", [0.0, 1e-9])
def test_tails_of_huge_noise_are_finite(delta: float) -> None:
    huge = FieldNoise(Fields(1, 0, 1 << 90, 2.0**90, 2.0**90), 1e-6, delta, 64)
    assert 2.0**110 < huge.tail(50) < 2.0**130


def test_the_loss_is_divided_over_all_fields() -> None:
    questions = [EncryptedQuestion("count"), EncryptedQuestion("mean", "x", high=np.array(9).item())]
    noises = field_noises(questions, 2, PrivateNoise(3.0, 3e-6), 5)
    assert [noise.epsilon for noise in noises] == [1.0, 1.0, 1.0]
    assert sum(noise.delta for noise in noises) == pytest.approx(3e-6)


@pytest.mark.parametrize("delta", [0.0, 1e-9])
@pytest.mark.parametrize("holders", [1, 3])
def test_noisy_totals_are_the_true_ones_with_noise_of_every_holder(holders: int, delta: float) -> None:
    question = EncryptedQuestion("histogram", "x", categories=tuple(f"c{number}" for number in range(400)))
    noise = PrivateNoise(2.0, delta)
    people = new_round(4, holders, [question], noise=noise)
    total = people.added(people.contributions([{"x": "c0"}] * 4)).total()
    result = combine(total, [holder.part(total, contributions=None, pay=lambda: None) for holder in people.holders])
    (counts,) = result.totals
    (planned,) = people.plan.noises
    variance = holders * planned.scale**2 * (1 if delta else 2)
    found = counts - np.bincount([0], minlength=400) * 4
    assert found.var() == pytest.approx(variance, rel=0.5)
    assert (found < 0).any() and (found > 0).any()
    assert all(figure.values[0] >= 0 for figure in result.figures)
    errors = set(result.errors.values())
    assert len(errors) == 1
    assert errors.pop() == pytest.approx(planned.tail(-math.log(0.05)))
    assert (np.abs(found) > planned.tail(-math.log(0.05))).mean() < 0.08


def test_a_release_is_charged_to_the_ledger_once(tmp_path: Path) -> None:
    noise = PrivateNoise(0.6, 1e-7)
    people = new_round(3, 1, noise=noise)
    total = people.added(people.contributions(incomes(3))).total()
    ledger, budget = Ledger(tmp_path / "ledger"), Budget("visits", "research", 1.0, 1e-6)

    def pay() -> None:
        charge(ledger, budget, noise, question="income", actor="holder0", at=NOW)

    people.holders[0].part(total, contributions=None, pay=pay)
    assert ledger.spent(budget, NOW) == (0.6, 1e-7)
    second = new_round(3, 1, noise=noise)
    more = second.added(second.contributions(incomes(3))).total()
    with pytest.raises(BudgetSpent):
        second.holders[0].part(more, contributions=None, pay=pay)
    assert ledger.spent(budget, NOW) == (0.6, 1e-7)


@pytest.mark.parametrize(
    "noise", [PrivateNoise(0), PrivateNoise(1e-9), PrivateNoise(101), PrivateNoise(1, -1e-9), PrivateNoise(1, 1)]
)
def test_what_is_no_privacy_loss_is_refused(noise: PrivateNoise) -> None:
    with pytest.raises(OutOfRange, match="no privacy loss"):
        noise.check()
