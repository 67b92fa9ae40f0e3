"""Building arms: what they share, and what none may spoil for another."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from casemate.core import build as module
from casemate.core.build import build
from casemate.core.control import Fitting, control
from casemate.core.dataset import Dataset
from casemate.core.model import Model, PlainRecipe
from casemate.core.seeds import derive
from fakes import NearestNeighbour, RefuseLeft, fit, square

FILTERED: list[int] = []


@control("testing.in-place", mitigates=("evasion",), limit="everything; made for tests")
class InPlace:
    """Change the model that it is handed, rather than a copy."""

    def on_model(self, model: Any, fitting: Fitting) -> Model:
        model.y[:] = 1 - model.y
        return model  # type: ignore[no-any-return]


@control("testing.slow-filter", mitigates=("data-poisoning",), limit="everything; made for tests")
class SlowFilter:
    """Keep every other row, and count how often that was worked out."""

    first: int = 0

    def on_data(self, fitting: Fitting) -> Dataset:
        FILTERED.append(len(fitting.data))
        return fitting.data.take(np.arange(self.first, len(fitting.data), 2))


def writable(data: Dataset, seed: int) -> NearestNeighbour:
    return replace(fit(data, seed), y=data.y.copy())


def answers(system: Any) -> np.ndarray:
    made: np.ndarray = build(system, 0).guard.model.scores(np.array([[0.1, 0.5], [0.9, 0.5]])).argmax(axis=1)
    return made


@pytest.mark.parametrize("shipped", [False, True])
def test_a_control_that_changes_its_model_in_place_changes_its_own_arm_alone(shipped: bool):
    system = square(40, recipe=PlainRecipe(writable))
    if shipped:
        system = replace(system, model=writable(system.train, 0))
    assert answers(system).tolist() == [0, 1]
    assert answers(system.with_(InPlace())).tolist() == [1, 0]
    assert answers(system).tolist() == [0, 1]
    assert answers(system.with_(InPlace())).tolist() == [1, 0]


def test_the_owners_rows_are_filtered_once_for_all_arms_and_attacks():
    FILTERED.clear()
    system = square(40, SlowFilter())
    first = build(system, 0).data
    again = build(system.with_(RefuseLeft()), 0).data
    assert FILTERED == [40]
    np.testing.assert_array_equal(first.ids, again.ids)
    np.testing.assert_array_equal(build(square(40, SlowFilter(first=1)), 0).data.ids, np.arange(1, 40, 2))
    build(system, 1)
    assert len(FILTERED) == 3, "another seed or option is another filter"
    build(system, 0, system.train.relabel(np.array([0]), np.array([1])))
    build(system, 0, system.train.relabel(np.array([0]), np.array([1])))
    assert len(FILTERED) == 5, "what an attacker hands in is not kept"


def heavy(data: Dataset, seed: int) -> NearestNeighbour:
    return replace(fit(data, seed), X=np.zeros((1000, 2)), y=np.full(1000, seed % 2))


def test_large_models_are_not_all_kept(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(module, "_trained", type(module._trained)())
    monkeypatch.setattr(module, "_KEPT_BYTES", 60_000)  # a model holds 24,000
    system = square(20, recipe=PlainRecipe(heavy))
    for seed in range(5):
        build(system, seed)
        assert sum(weight for _, weight in module._trained.values()) <= 60_000
    assert len(module._trained) == 2
    monkeypatch.setattr(module, "_KEPT_BYTES", 1)
    assert build(system, 9).guard.model.scores(np.zeros((1, 2))).argmax() == derive(9, "train") % 2
    assert len(module._trained) == 1
