"""Replacing: the least degrees that leave decisions as they are, told with an interval."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from casemate.controls.homomorphic.activations import FUNCTIONS, Replacement
from casemate.controls.homomorphic.circuits import AnswerKind, Linear, Polynomial
from casemate.controls.homomorphic.drafts import Draft, Nonlinearity
from casemate.controls.homomorphic.replacing import Settings, replaced
from casemate.core.statistics import wilson

RNG = np.random.default_rng(0)
ROWS = RNG.normal(size=(400, 6))


def draft(*names: str, answer: AnswerKind = "multiclass", outputs: int = 3, seed: int = 0) -> Draft:
    rng = np.random.default_rng(seed)
    steps: list[Linear | Nonlinearity] = []
    width = 6
    for name in names:
        steps += [Linear(rng.normal(size=(8, width)), rng.normal(size=8)), Nonlinearity(name, FUNCTIONS[name])]
        width = 8
    steps.append(Linear(rng.normal(size=(outputs, width)), np.zeros(outputs)))
    return Draft((6,), tuple(steps), answer, tuple("abc"[:outputs]) if answer != "number" else ())


def degrees(made: Draft) -> list[int]:
    return [step.degree for step in made.steps if isinstance(step, Polynomial)]


def agreement(one: Draft, other: Draft) -> float:
    return float((one.scores(ROWS).argmax(axis=1) == other.scores(ROWS).argmax(axis=1)).mean())


def test_the_smallest_degree_that_suffices_is_taken() -> None:
    model = draft("tanh")
    shares = {d: agreement(model, replaced(model, ROWS, Settings(degrees=(d,))).draft) for d in (2, 3, 5, 7)}
    assert shares[7] > shares[2]
    asked = (shares[3] + max(shares[2], 0.0)) / 2 if shares[3] > shares[2] else shares[2]
    done = replaced(model, ROWS, Settings(degrees=(2, 3, 5, 7), agreement=asked))
    assert degrees(done.draft) == [3 if shares[3] > shares[2] else 2]


def test_where_none_suffices_the_best_is_kept_and_told() -> None:
    model = draft("sigmoid", "tanh")
    settings = Settings(degrees=(2, 3), agreement=1.0)
    done = replaced(model, ROWS, settings)
    singles = [agreement(model, replaced(model, ROWS, replace(settings, degrees=(d,))).draft) for d in (2, 3)]
    share = agreement(model, done.draft)
    assert share == max(singles)
    same = round(share * 400)
    interval = wilson(same, 400)
    assert f"decisions agree on {same} of 400 calibration rows" in done.told
    assert f"{interval.low:.1%} to {interval.high:.1%}" in done.told
    assert "less than the 100.0% asked for" in done.told


def test_single_functions_get_lower_degrees_where_that_is_enough() -> None:
    rng = np.random.default_rng(0)
    # What comes into the second function hardly changes: a parabola is enough there, and not in the first.
    steps = (
        Linear(rng.normal(size=(8, 6)), rng.normal(size=8)),
        Nonlinearity("tanh", FUNCTIONS["tanh"]),
        Linear(rng.normal(size=(8, 8)) / 100, rng.normal(size=8)),
        Nonlinearity("sigmoid", FUNCTIONS["sigmoid"]),
        Linear(rng.normal(size=(3, 8)) * 100, np.zeros(3)),
    )
    model = Draft((6,), steps, "multiclass", ("a", "b", "c"))
    centred = model.scores(ROWS).mean(axis=0)
    model = replace(model, steps=(*steps[:-1], Linear(steps[-1].weights, -centred)))  # type: ignore[union-attr]
    done = replaced(model, ROWS, Settings(degrees=(2, 7), agreement=0.89))
    assert degrees(done.draft) == [7, 2]


def test_numbers_keep_their_variance() -> None:
    model = draft("gelu", answer="number", outputs=2)
    done = replaced(model, ROWS, Settings(agreement=0.95))
    lost = ((done.draft.scores(ROWS) - model.scores(ROWS)) ** 2).mean(axis=0) / model.scores(ROWS).var(axis=0)
    assert lost.max() <= 0.05
    assert "of the answers' variance kept on 400 calibration rows" in done.told


def test_a_draft_without_functions_stays() -> None:
    model = draft()
    done = replaced(model, ROWS, Settings())
    assert done.draft is model
    assert done.told == ""


def test_training_again_is_asked_for_where_polynomials_do_not_suffice() -> None:
    model, asked = draft("tanh"), []

    def retrained(found: tuple[Replacement, ...]) -> Draft:
        asked.append([one.polynomial.degree for one in found])
        return replace(model, steps=model.steps) if len(asked) == 2 else _worse(model)

    done = replaced(model, ROWS, Settings(degrees=(2, 3, 5), agreement=1.0), retrained)
    assert asked == [[2], [3]]  # the second training succeeds
    assert "trained again" in done.told
    assert "400 of 400" in done.told


def _worse(model: Draft) -> Draft:
    last = model.steps[-1]
    assert isinstance(last, Linear)
    return replace(model, steps=(*model.steps[:-1], Linear(-last.weights, last.bias)))


def test_the_same_rows_give_the_same_polynomials() -> None:
    one, other = (replaced(draft("silu", "relu"), ROWS, Settings()).draft for _ in range(2))
    for first, second in zip(one.steps, other.steps, strict=True):
        if isinstance(first, Polynomial):
            assert (first.coefficients == second.coefficients).all()  # type: ignore[union-attr]


@pytest.mark.parametrize("margin", [0.0, 0.5])
def test_intervals_hold_what_comes_in(margin: float) -> None:
    done = replaced(draft("silu"), ROWS, Settings(degrees=(4,), margin=margin)).draft
    inside, step = done.steps[0](ROWS), done.steps[1]
    assert isinstance(step, Polynomial)
    assert step.interval == (-1.0, 1.0)
    assert np.abs(inside).max() == pytest.approx(1 / (1 + 2 * margin), rel=0.05)
