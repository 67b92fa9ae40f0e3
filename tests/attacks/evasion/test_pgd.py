"""Projected gradient descent against closed forms, its own promises, and networks that make it hard."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from casemate.assess.effects import effect_of
from casemate.attacks.evasion import twin
from casemate.attacks.evasion.pgd import BATCH, STEPS, Climb, pgd, projected_gradient_descent
from casemate.core.access import Access, Norm
from casemate.core.dataset import Dataset
from casemate.core.evidence import Evidence
from casemate.core.schema import Column, Schema, distance
from casemate.core.system import System
from casemate.core.target import Seeds, Target
from casemate.systems.models import adapt

NORMS: tuple[Norm, ...] = ("linf", "l2")
D = 12


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def box(d: int = D) -> tuple[torch.Tensor, torch.Tensor]:
    return torch.zeros(d), torch.ones(d)


def linear(weights: torch.Tensor, bias: float = 0.0):
    """Logits 0 and w.x + b: class 1 where w.x + b > 0."""
    return lambda x: torch.stack([torch.zeros(len(x)), x @ weights + bias], dim=1)


def small_network(seed: int, d: int = D, classes: int = 3) -> torch.nn.Module:
    torch.manual_seed(seed)
    net = torch.nn.Sequential(torch.nn.Linear(d, 16), torch.nn.Tanh(), torch.nn.Linear(16, classes))
    return net.requires_grad_(False)


def labelled(network, n: int, seed: int = 0, d: int = D) -> tuple[torch.Tensor, torch.Tensor]:
    x = torch.rand(n, d, generator=seeded(seed))
    return x, network(x).argmax(1)


def lengths(x: torch.Tensor, norm: Norm) -> torch.Tensor:
    return x.abs().amax(1) if norm == "linf" else x.norm(dim=1)


# Against the truth.


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.sampled_from(NORMS), st.floats(0.01, 0.2))
def test_linear_models_fall_just_when_the_closed_form_says_so(seed: int, norm: Norm, radius: float):
    weights = torch.randn(D, generator=seeded(seed))
    x = 0.3 + 0.4 * torch.rand(60, D, generator=seeded(seed + 1))  # the box does not bind within .2
    network = linear(weights, -0.5 * float(weights.sum()))
    logit = network(x)[:, 1]
    y = (logit > 0).long()
    needed = logit.abs() / (weights.abs().sum() if norm == "linf" else weights.norm())
    points = pgd(network, x, y, *box(), radius=radius, norm=norm, generator=seeded(seed)).points
    fell = network(points).argmax(1) != y
    assert not fell[needed > radius * 1.0001].any()
    # On a sphere 40 steps turn a start by some 80 degrees, and so leave 2 % of the radius, more from the far side.
    assert fell[needed < radius * (0.98 if norm == "linf" else 0.9)].all()


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10_000))
def test_a_binding_box_is_exploited_to_its_corners(seed: int):
    weights, radius = torch.randn(D, generator=seeded(seed)), 0.3
    x = torch.rand(60, D, generator=seeded(seed + 1))
    network = linear(weights, -0.5 * float(weights.sum()))
    y = (network(x)[:, 1] > 0).long()
    # In linf the columns are independent: each goes to the end of what it can reach.
    up, down = (x + radius).clamp(max=1), (x - radius).clamp(min=0)
    towards = torch.where((weights > 0) == (y == 1)[:, None], down, up)
    best = network(towards)[:, 1] * torch.where(y == 1, 1.0, -1.0)
    points = pgd(network, x, y, *box(), radius=radius, generator=seeded(seed)).points
    fell = network(points).argmax(1) != y
    assert not fell[best > 1e-3].any()
    assert fell[best < -0.02 * weights.abs().sum() * radius].all()


@pytest.mark.parametrize("norm", NORMS)
def test_is_on_a_level_with_500_random_points_of_the_same_ball_on_a_curved_network(norm: Norm):
    network = small_network(3)
    x, y = labelled(network, 200)
    radius = 0.05 if norm == "linf" else 0.15
    points = pgd(network, x, y, *box(), radius=radius, norm=norm, generator=seeded()).points
    noise = torch.randn(500, *x.shape, generator=seeded(1))
    noise = radius * (noise.sign() if norm == "linf" else noise / noise.norm(dim=2, keepdim=True))
    lucky = torch.stack([network((x + shift).clamp(0, 1)).argmax(1) != y for shift in noise]).any(0)
    fell = network(points).argmax(1) != y
    assert fell.sum() >= 0.95 * lucky.sum() > 0  # 500 of 4096 corners are a search in themselves


# What it promises of every point.


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.sampled_from(NORMS), st.floats(0.0, 2.0))
def test_points_stay_within_radius_and_box(seed: int, norm: Norm, radius: float):
    network = small_network(seed)
    x, y = labelled(network, 20, seed)
    points = pgd(network, x, y, *box(), radius=radius, norm=norm, steps=7, generator=seeded(seed)).points
    assert points.dtype == torch.float32
    assert (lengths(points - x, norm) <= radius * (1 + 1e-6) + 1e-6).all()
    assert (points >= -1e-6).all()
    assert (points <= 1 + 1e-6).all()


@pytest.mark.parametrize("norm", NORMS)
def test_columns_that_cannot_move_keep_every_bit(norm: Norm):
    network = small_network(1)
    x, y = labelled(network, 50)
    movable = torch.arange(D) % 3 != 0
    points = pgd(network, x, y, *box(), radius=0.4, norm=norm, movable=movable, generator=seeded()).points
    assert torch.equal(points[:, ~movable], x[:, ~movable])
    assert (points[:, movable] != x[:, movable]).any()


@pytest.mark.parametrize("norm", NORMS)
def test_a_column_without_a_range_does_not_move(norm: Norm):
    network = small_network(1)
    x, y = labelled(network, 20)
    high = torch.ones(D)
    high[4] = 0.0
    x[:, 4] = 0.0
    points = pgd(network, x, y, torch.zeros(D), high, radius=0.4, norm=norm, generator=seeded()).points
    assert torch.equal(points[:, 4], x[:, 4])


@pytest.mark.parametrize("norm", NORMS)
def test_whole_numbers_move_in_whole_steps_within_the_radius(norm: Norm):
    low, high = torch.zeros(D), torch.full((D,), 20.0)
    inner = small_network(2)

    def network(x):
        return inner(x / 20)

    x = (torch.rand(80, D, generator=seeded()) * 20).round()
    y, whole = network(x).argmax(1), torch.arange(D) % 2 == 0
    radius = 0.15 if norm == "linf" else 0.5  # in linf three steps of one
    points = pgd(network, x, y, low, high, radius=radius, norm=norm, whole=whole, generator=seeded()).points
    moved = points - x
    assert torch.equal(moved[:, whole], moved[:, whole].round())
    assert (lengths(moved / 20, norm) <= radius * (1 + 1e-5)).all()
    assert moved[:, whole].abs().max() >= 1
    assert (network(points).argmax(1) != y).any()
    if norm == "linf":
        assert moved[:, whole].abs().max() == 3


def test_units_of_the_columns_do_not_matter():
    network = small_network(5)
    x, y = labelled(network, 60)
    span = torch.logspace(-3, 4, D)
    for norm in NORMS:
        plain = pgd(network, x, y, *box(), radius=0.1, norm=norm, generator=seeded()).points
        scaled = pgd(
            lambda z: network(z / span), x * span, y, torch.zeros(D), span, radius=0.1, norm=norm, generator=seeded()
        ).points
        # A gradient that is 0 but for rounding may turn the other way, and its column with it.
        assert ((scaled / span - plain).abs() > 2e-4).float().mean() < 0.01


def test_a_row_outside_its_box_is_not_thrown_off():
    network = small_network(1)
    x, y = labelled(network, 10)
    x[:, 0] = 1.5
    points = pgd(network, x, y, *box(), radius=0.1, generator=seeded()).points
    assert (points[:, 0] <= 1.5).all()
    assert (points[:, 0] >= 1.4 - 1e-6).all()


def test_the_same_generator_gives_the_same_points():
    network = small_network(1)
    x, y = labelled(network, 30)
    first, again, other = (pgd(network, x, y, *box(), radius=0.05, generator=seeded(s)).points for s in (1, 1, 2))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_no_rows_are_no_trouble():
    result = pgd(small_network(0), torch.empty(0, D), torch.empty(0).long(), *box(), radius=0.1)
    assert result.points.shape == (0, D)
    assert result.blind.shape == (0,)


# What it costs.


def test_a_fallen_row_costs_no_further_pass():
    seen: list[int] = []
    inner = linear(torch.ones(D), -D / 2)

    def network(x):
        seen.append(len(x))
        return inner(x)

    near = torch.full((30, D), 0.501)
    far = torch.full((10, D), 0.9)
    x = torch.cat([near, far])
    pgd(network, x, torch.ones(40).long(), *box(), radius=0.1, generator=seeded())
    assert len(seen) == STEPS
    assert seen[0] == 40
    assert seen[-1] == 10
    assert seen == sorted(seen, reverse=True)


def test_many_rows_go_in_batches():
    sizes: list[int] = []
    inner = small_network(1)

    def network(x):
        sizes.append(len(x))
        return inner(x)

    x, y = labelled(inner, 2 * BATCH + 7)
    points = pgd(network, x, y, *box(), radius=0.03, generator=seeded()).points
    assert max(sizes) == BATCH
    assert (points != x).any(1).all()


def test_weights_get_no_gradient_and_stay_as_they_are():
    network = small_network(1).requires_grad_(True)
    before = [p.detach().clone() for p in network.parameters()]
    x, y = labelled(network, 10)
    pgd(network, x, y, *box(), radius=0.1, generator=seeded())
    assert all(p.grad is None for p in network.parameters())
    assert all(torch.equal(a, b) for a, b in zip(before, network.parameters(), strict=True))


# Networks that make it hard.


def sight(network, x: torch.Tensor, y: torch.Tensor, radius: float = 0.2, norm: Norm = "linf") -> Climb:
    return pgd(network, x, y, *box(x.shape[1]), radius=radius, norm=norm, generator=seeded())


@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("scale", [1e2, 1e4, 1e6])
def test_saturated_logits_do_not_hide_the_way(norm: Norm, scale: float):
    inner = linear(torch.ones(D), -D / 2)
    x, y = torch.full((20, D), 0.55), torch.ones(20).long()

    def network(z):
        return scale * inner(z)

    assert (torch.nn.functional.cross_entropy(network(x), y, reduction="none") < 1e-8).all()
    climb = sight(network, x, y, 0.1 if norm == "linf" else 0.4, norm)
    assert (network(climb.points).argmax(1) != y).all()
    assert not climb.blind.any()


@pytest.mark.parametrize("norm", NORMS)
def test_gradients_too_small_to_be_squared_are_followed(norm: Norm):
    inner = linear(torch.ones(D), -D / 2)
    x, y = torch.full((5, D), 0.55), torch.ones(5).long()

    def network(z):
        return 1e-30 * inner(z) + torch.tensor([0.0, 0.0])

    before = inner(x)[:, 1]
    climb = sight(network, x, y, 0.1, norm)
    assert (inner(climb.points)[:, 1] < before - 0.1).all()


@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize(
    "hide",
    [
        lambda z: z.round(),
        lambda z: z.detach(),
        lambda z: z * 0,
        lambda z: z * float("nan"),
        lambda z: torch.tensor(z.detach().numpy().astype(np.float32)),
    ],
    ids=["round", "detach", "zero", "nan", "detour"],
)
def test_hidden_gradients_are_confessed_and_points_stay_finite(norm: Norm, hide):
    inner = linear(torch.ones(D), -D / 4)
    x, y = torch.full((20, D), 0.8), torch.ones(20).long()
    climb = sight(lambda z: inner(hide(z)), x, y, 0.1, norm)
    held = inner(hide(climb.points)).nan_to_num(1.0)[:, 1] > 0
    assert climb.blind[held].all()
    assert torch.isfinite(climb.points).all()
    assert (lengths(climb.points - x, norm) <= 0.1 + 1e-6).all()


def test_a_row_on_a_plateau_draws_new_starts_until_it_sees():
    # Flat but for a slope on one side of the first column; from x itself there is nothing to see.
    def network(z):
        slope = torch.relu(0.52 - z[:, 0]) * 100
        return torch.stack([slope, torch.full((len(z),), 10.0)], dim=1)

    x, y = torch.full((50, 3), 0.6), torch.ones(50).long()
    climb = sight(network, x, y, 0.2)
    assert (network(climb.points).argmax(1) == 0).all()
    assert not climb.blind.any()


def test_a_network_whose_gradient_is_one_shared_number_is_climbed():
    # Sums hand back gradients that share their memory and cannot be written to.
    def network(z):
        return torch.stack([-z.sum(1), z.sum(1) - D], dim=1)

    x, y = torch.full((4, D), 0.53), torch.ones(4).long()
    assert (network(sight(network, x, y, 0.1).points).argmax(1) != y).all()


# As an attack.


def run(system: System, norm: Norm = "linf", radius: float = 0.1, seed: int = 0) -> tuple[Evidence, Target]:
    needs = Access.white_box(norm=norm, radius=radius)
    target = Target(system, needs, Seeds.of(seed, "evasion.pgd", "bare"), samples=100)
    return projected_gradient_descent(target), target


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(("norm", "least"), [("linf", twin.MARGIN / 20), ("l2", twin.MARGIN / np.sqrt(20))])
def test_the_twin_falls_just_beyond_its_margin(norm: Norm, least: float, seed: int):
    fell, target = run(twin.narrow_margins(), norm, least * 1.03, seed)
    assert fell.outcome.all()
    assert fell.figures["rows without a gradient"] == 0
    assert 0 < target.spent.passes <= STEPS * 100
    assert target.spent.queries == 0
    assert not run(twin.narrow_margins(), norm, least * 0.999, seed)[0].outcome.any()


def mixed_system(hidden: bool = False) -> System:
    """Numbers, whole numbers, an immutable column and a one-hot group; the label is linear in all of them."""
    columns = (
        Column("income", low=0, high=5000),
        Column("debt", low=-1, high=1),
        Column("age", "feature", "integer", 18, 98),
        Column("children", "feature", "integer", 0, 5),
        Column("born here", "feature", "boolean", immutable=True),
        *(Column(f"city {c}", "feature", "boolean", one_hot="city") for c in "abc"),
    )
    schema = Schema(columns, ("no", "yes"))
    rng = np.random.default_rng(0)
    U = rng.random((400, 8))
    U[:, 4], U[:, 5:] = U[:, 4] > 0.5, np.eye(3)[rng.integers(0, 3, 400)]
    X = schema.project(schema.from_unit(U), schema.from_unit(U))
    weights = np.array([1.0, -1, 1, 1, 2, 0.5, -0.5, 0])
    y = (schema.to_unit(X) @ weights > 1.4).astype(np.int64)

    class Judge(torch.nn.Module):
        def forward(self, z: torch.Tensor) -> torch.Tensor:
            unit = (z - torch.tensor(schema.low).float()) / torch.tensor(schema.span).float()
            unit = unit.detach() if hidden else unit
            logit = unit @ torch.tensor(weights).float() - 1.4
            return torch.stack([torch.zeros_like(logit), logit], dim=1)

    data = Dataset(X, y, schema)
    train, test = data.take(np.arange(200)), data.take(np.arange(200, 400))
    return System("mixed", train, test, model=adapt(Judge(), schema))


@pytest.mark.parametrize("norm", NORMS)
def test_presents_only_rows_that_are_possible_and_within_the_radius(norm: Norm, monkeypatch: pytest.MonkeyPatch):
    shown: list[np.ndarray] = []
    present = Target.present

    def spy(self: Target, X: np.ndarray, **rest: object) -> Evidence:
        shown.append(X)
        return present(self, X, **rest)  # type: ignore[arg-type]

    monkeypatch.setattr(Target, "present", spy)
    evidence, target = run(mixed_system(), norm, 0.2)
    victims, schema = target.victims, target.schema
    assert schema.possible(shown[0], victims.X).all()
    assert (distance(schema, shown[0], victims.X, norm) <= 0.2 * (1 + 1e-5)).all()
    assert np.array_equal(shown[0][:, 4:], victims.X[:, 4:])
    assert evidence.outcome.any()
    assert not any("impossible" in note for note in evidence.notes)


def test_says_when_a_model_shows_no_gradient():
    evidence, _ = run(mixed_system(hidden=True))
    assert evidence.figures["rows without a gradient"] > 0.5
    effect = effect_of(evidence)
    assert effect is not None and effect.value < 0.2
    assert effect.high > 0.5, "rows that the attack could not see are never held"
    assert any("no gradient" in note for note in evidence.notes)


def test_the_same_seed_gives_the_same_evidence():
    first, again = run(mixed_system(), seed=4)[0], run(mixed_system(), seed=4)[0]
    assert np.array_equal(first.outcome, again.outcome)
    assert first.figures == again.figures


def test_a_system_that_answers_nothing_right_has_no_victims_and_no_trouble():
    system = mixed_system()
    wrong = system.test.relabel(np.arange(len(system.test)), 1 - system.test.y)
    evidence, _ = run(replace(system, test=wrong))
    assert len(evidence) == 0
