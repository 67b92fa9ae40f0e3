from collections.abc import Iterator

import numpy as np
import pytest

from casemate.controls.homomorphic import plan_memory
from casemate.controls.homomorphic.layouts import Steps, plan
from casemate.controls.homomorphic.plan_memory import forget, remembered_plan

CONTENT, TARGETS = np.arange(8), np.arange(8)
STEPS = Steps(tuple(range(8)))


@pytest.fixture(autouse=True)
def _nothing_is_kept() -> Iterator[None]:
    forget()
    yield
    forget()


def some_weights(seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(8, 8))


def test_the_same_layer_on_the_same_slots_is_planned_once(monkeypatch: pytest.MonkeyPatch) -> None:
    made = []

    def counted(*arguments: object) -> object:
        made.append(arguments)
        return plan(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(plan_memory, "plan", counted)
    first = remembered_plan(some_weights(), CONTENT, STEPS, TARGETS)
    assert remembered_plan(some_weights().copy(), CONTENT.copy(), STEPS, TARGETS) is first
    assert len(made) == 1
    others = [
        (some_weights(1), CONTENT, STEPS, TARGETS),
        (some_weights(), np.roll(CONTENT, 1), STEPS, TARGETS),
        (some_weights(), CONTENT, Steps(tuple(range(8)), (0,), (8,)), TARGETS),
        (some_weights(), CONTENT, STEPS, np.roll(TARGETS, 1)),
    ]
    for other in others:
        assert remembered_plan(*other) is not first
    assert len(made) == 5


def test_it_is_what_planning_gives() -> None:
    made, wanted = (
        remembered_plan(some_weights(), CONTENT, STEPS, TARGETS),
        plan(some_weights(), CONTENT, STEPS, TARGETS),
    )
    assert made is not None and wanted is not None
    assert made.diagonals.keys() == wanted.diagonals.keys()
    assert all(np.array_equal(made.diagonals[at], wanted.diagonals[at]) for at in wanted.diagonals)
    assert np.array_equal(made.content, wanted.content)


def test_what_is_impossible_is_remembered_too() -> None:
    few = Steps((0,))
    assert plan(some_weights(), CONTENT, few, TARGETS) is None
    assert remembered_plan(some_weights(), CONTENT, few, TARGETS) is None
    assert len(plan_memory._kept) == 1


def test_those_used_longest_ago_make_room(monkeypatch: pytest.MonkeyPatch) -> None:
    one = remembered_plan(some_weights(0), CONTENT, STEPS, TARGETS)
    assert one is not None
    monkeypatch.setattr(plan_memory, "MOST_BYTES", 2 * sum(part.nbytes for part in one.diagonals.values()))
    two = remembered_plan(some_weights(1), CONTENT, STEPS, TARGETS)
    assert remembered_plan(some_weights(0), CONTENT, STEPS, TARGETS) is one
    remembered_plan(some_weights(2), CONTENT, STEPS, TARGETS)
    assert remembered_plan(some_weights(0), CONTENT, STEPS, TARGETS) is one
    assert remembered_plan(some_weights(1), CONTENT, STEPS, TARGETS) is not two
