"""Mimicry: what may be changed, what is imitated, and when it fails."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from casemate.attacks.transfer import twin
from casemate.attacks.transfer.mimicry import mimicry
from casemate.core.access import Access, Budget
from casemate.core.dataset import Dataset
from casemate.core.errors import AccessDenied, SingleClass
from casemate.core.evidence import Evidence
from casemate.core.model import Teacher
from casemate.core.schema import Column, Schema, distance
from casemate.core.statistics import clopper_pearson
from casemate.core.system import System
from casemate.core.target import Seeds, Target
from casemate.systems.models import adapt


def needs(radius: float = 0.1) -> Access:
    return Access(population=True, teacher=True, budget=Budget(norm="linf", radius=radius))


def attack(
    system: System, radius: float = 0.1, seed: int = 0, arm: str = "bare", samples: int = 60
) -> tuple[Evidence, np.ndarray, np.ndarray, Target]:
    """Run the attack; return its evidence, the rows that it presented, their goals, and the target."""
    target = Target(system, needs(radius), Seeds.of(seed, "transfer.mimicry", arm), samples=samples)
    shown: list[tuple[np.ndarray, np.ndarray | None]] = []
    present = target.present

    def spy(X: np.ndarray, *, origin: Dataset, goal: np.ndarray | None = None) -> Evidence:
        shown.append((X, goal))
        return present(X, origin=origin, goal=goal)

    target.present = spy  # type: ignore[method-assign]
    evidence = mimicry(target)
    X, goal = shown[0]
    assert goal is not None
    return evidence, X, goal, target


@pytest.mark.parametrize("seed", range(5))
def test_breaks_its_twin_beyond_the_catalogues_limit(seed: int):
    evidence, *_ = attack(twin.frozen_features(), seed=seed, samples=100)
    assert clopper_pearson(int(evidence.outcome.sum()), len(evidence)).low > 0.2
    assert evidence.metric == "targeted success"
    assert evidence.figures["untargeted success"] >= evidence.outcome.mean()
    assert 0 < evidence.figures["feature distance left"] < 0.5


def test_the_twins_student_is_good_at_its_task():
    system = twin.frozen_features()
    target = Target(system, needs(), Seeds.of(0, "transfer.mimicry", "bare"))
    assert target.correct(system.test).mean() > 0.95


@pytest.mark.parametrize("radius", [0.01, 0.05, 0.1])
def test_stays_within_the_radius_and_asks_nothing(radius: float):
    evidence, X, _, target = attack(twin.frozen_features(), radius)
    far = distance(target.schema, X, target.victims.X, "linf")
    assert far.max() <= radius * (1 + 1e-6)
    assert target.schema.possible(X, target.victims.X).all()
    assert target.spent.queries == 0
    assert not evidence.notes, "nothing was discarded as impossible"


def test_more_room_is_more_success():
    rates = [attack(twin.frozen_features(), radius)[0].outcome.mean() for radius in (0.0, 0.03, 0.1)]
    assert rates[0] == 0.0
    assert rates[0] <= rates[1] <= rates[2]
    assert rates[2] > rates[0] + 0.5


def test_the_goal_is_another_class_and_the_same_in_every_arm():
    _, _, goals, target = attack(twin.frozen_features(), seed=2)
    _, _, elsewhere, other = attack(twin.frozen_features(), seed=2, arm="full")
    assert (goals != target.victims.y).all()
    assert np.array_equal(goals, elsewhere)
    assert np.array_equal(target.victims.ids, other.victims.ids)
    assert {tuple(attack(twin.frozen_features(), seed=seed, samples=10)[2]) for seed in range(6)} != {tuple(goals[:10])}


def test_the_same_seed_gives_the_same_rows():
    (first, X, *_), (again, Y, *_) = (attack(twin.frozen_features(), seed=9) for _ in range(2))
    assert np.array_equal(X, Y)
    assert np.array_equal(first.outcome, again.outcome)
    assert first.figures == again.figures


def test_a_student_of_another_teacher_is_far_safer():
    # The attacker imitates what a public model sees; a student that does not re-use it sees something else.
    system = twin.frozen_features()
    assert system.teacher is not None
    torch.manual_seed(1)
    stranger = torch.nn.Sequential(torch.nn.Linear(16, 4), torch.nn.Tanh()).requires_grad_(False).eval()
    other = replace(system, teacher=Teacher(stranger, "tanh", "another"))
    assert attack(other)[0].outcome.mean() < attack(system)[0].outcome.mean() - 0.3


def dressed(columns: tuple[Column, ...], X: np.ndarray, test: np.ndarray, y: np.ndarray) -> System:
    """A student on random features of a table; its head is a nearest-mean classifier."""
    schema = Schema(columns, ("a", "b"))
    torch.manual_seed(0)
    scale = torch.tensor(1 / schema.span, dtype=torch.float32)

    class Body(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = torch.nn.Linear(len(columns), 24)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return torch.relu(self.layer(x * scale))

    body = Body().requires_grad_(False).eval()
    with torch.no_grad():
        seen = body(torch.tensor(X, dtype=torch.float32))
        means = torch.stack([seen[torch.tensor(y == label)].mean(0) for label in (0, 1)])
        head = torch.nn.Linear(24, 2)
        head.weight.copy_(2 * means)
        head.bias.copy_(-(means**2).sum(1))
    return System(
        "dressed",
        Dataset(X, y, schema),
        Dataset(test, y, schema),
        model=adapt(torch.nn.Sequential(body, head), schema),
        model_digest="dressed",
        teacher=Teacher(body, "relu", "dressed"),
    )


def test_whole_numbers_immutable_columns_and_one_hot_groups_are_respected():
    columns = (
        *(Column(f"pixel{i}", kind="integer", high=255) for i in range(6)),
        Column("fixed", immutable=True),
        Column("u", kind="boolean", one_hot="g"),
        Column("v", kind="boolean", one_hot="g"),
    )
    y = np.arange(200) % 2

    def draw(seed: int) -> np.ndarray:
        rng = np.random.default_rng(seed)
        pixels = np.rint(np.clip(115 + 25 * y[:, None] + 8 * rng.standard_normal((200, 6)), 0, 255))
        return np.hstack([pixels, rng.random((200, 1)), np.eye(2)[rng.integers(0, 2, 200)]])

    evidence, X, _, target = attack(dressed(columns, draw(1), draw(2), y), radius=0.15)
    origin = target.victims.X
    assert np.array_equal(X[:, :6], np.rint(X[:, :6]))
    assert np.abs(X - origin)[:, :6].max() <= 0.15 * 255
    assert np.array_equal(X[:, 6:], origin[:, 6:])
    assert target.schema.possible(X, origin).all()
    assert evidence.outcome.mean() > 0.2


def test_convolutional_teachers_see_images():
    schema = Schema(tuple(Column(f"p{i}") for i in range(64)), ("a", "b", "c"), (1, 8, 8))
    torch.manual_seed(0)
    body = torch.nn.Sequential(
        torch.nn.Unflatten(1, (1, 8, 8)), torch.nn.Conv2d(1, 6, 3, stride=2), torch.nn.ReLU()
    ).requires_grad_(False)
    y = np.arange(150) % 3
    prototypes = np.random.default_rng(0).random((3, 64))

    def draw(seed: int) -> Dataset:
        noise = np.random.default_rng(seed).standard_normal((150, 64))
        return Dataset(np.clip(0.5 + 0.15 * (prototypes[y] - 0.5) + 0.02 * noise, 0, 1), y, schema)

    train, test = draw(1), draw(2)
    with torch.no_grad():
        seen = body(torch.tensor(train.X, dtype=torch.float32)).flatten(1)
        means = torch.stack([seen[torch.tensor(y == label)].mean(0) for label in range(3)])
        head = torch.nn.Linear(means.shape[1], 3)
        head.weight.copy_(2 * means)
        head.bias.copy_(-(means**2).sum(1))
    student = torch.nn.Sequential(torch.nn.Flatten(1), body, torch.nn.Flatten(1), head)
    system = System(
        "images", train, test, model=adapt(student, schema), model_digest="i", teacher=Teacher(body, "relu", "i")
    )
    evidence, X, _, _ = attack(system)
    assert X.shape == (len(evidence), 64)
    assert evidence.outcome.mean() > 0.8
    assert evidence.examples[0].shape == (1, 8, 8)


def test_a_class_with_one_row_of_the_attackers_is_enough():
    system = twin.frozen_features()
    keep = np.concatenate([np.flatnonzero(system.test.y == 0), np.flatnonzero(system.test.y == 1)[:2]])
    evidence, *_ = attack(replace(system, test=system.test.take(keep)), seed=1)
    assert len(evidence) > 0


def test_needs_rows_of_two_classes():
    system = twin.frozen_features()
    with pytest.raises(SingleClass, match="all of class"):
        attack(replace(system, test=system.test.take(system.test.y == 0)))


def test_a_student_that_gets_everything_wrong_leaves_nothing_to_attack():
    system = twin.frozen_features()
    assert system.model is not None
    wrong = replace(system.test, y=(system.model.scores(system.test.X).argmax(axis=1) + 1) % 3)
    evidence, X, *_ = attack(replace(system, test=wrong))
    assert len(evidence) == len(X) == 0


def test_needs_the_teacher():
    target = Target(twin.frozen_features(), Access(population=True), Seeds.of(0, "transfer.mimicry", "bare"))
    with pytest.raises(AccessDenied, match="teacher"):
        mimicry(target)
