"""Plans on slots give the matrix they were made for, whatever lies beside; a plan that would not is not made."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from casemate.controls.homomorphic import layouts
from casemate.controls.homomorphic.candidates import Laid, first, later
from casemate.controls.homomorphic.circuits import Convolution, Linear
from casemate.controls.homomorphic.layouts import Collision, Steps, apart, carried_out, filled, plan, power_above, span
from casemate.controls.homomorphic.precision import weights_of
from casemate.controls.homomorphic.slot_program import LinearStep

SLOTS = 256


def matrix(outputs: int, inputs: int, seed: int, zeros: float = 0.0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    weights = rng.normal(size=(outputs, inputs))
    weights[rng.random(weights.shape) < zeros] = 0.0
    return weights


def check(laid: Laid, weights: np.ndarray, seed: int) -> None:
    """Whatever lies in slots that hold no input, outputs are those of the matrix, wherever they are said to lie."""
    rng = np.random.default_rng(seed)
    values = rng.normal(size=weights.shape[1])
    slots = filled(laid.came, values)
    slots[laid.came < 0] = rng.normal(size=(laid.came < 0).sum()) * 100
    found, content = carried_out(laid.plan, slots), laid.plan.content
    assert set(range(len(weights))) == set(content[content >= 0])
    np.testing.assert_allclose(found[content >= 0], (weights @ values)[content[content >= 0]], atol=1e-9)
    step = LinearStep(laid, np.zeros(len(weights)), 0.0)
    np.testing.assert_allclose(weights_of(step, weights.shape[1]), weights)
    parted = apart(laid.plan)
    parts = carried_out(parted, slots)[parted.targets]
    assert parts.shape == (len(weights), parted.parts)
    np.testing.assert_allclose(parts.sum(axis=1), weights @ values, atol=1e-9)
    step = LinearStep(replace(laid, plan=parted), np.zeros(len(weights)), 0.0)
    np.testing.assert_allclose(weights_of(step, weights.shape[1]), weights)


@settings(max_examples=20, deadline=None)
@given(
    st.integers(1, 20), st.integers(1, 90), st.integers(0, 9), st.sampled_from([0.0, 0.5]), st.sampled_from([128, 256])
)
def test_layers_whose_inputs_the_client_lays_out(
    outputs: int, inputs: int, seed: int, zeros: float, slots: int
) -> None:
    weights = matrix(outputs, inputs, seed, zeros)
    found = list(first(Linear(weights, np.zeros(outputs)), slots))
    assert found or inputs > slots or zeros
    for laid in found:
        check(laid, weights, seed)


@settings(max_examples=20, deadline=None)
@given(st.integers(1, 32), st.integers(1, 64), st.integers(0, 9), st.sampled_from(["repeated", "once", "apart"]))
def test_layers_whose_inputs_lie_as_they_lie(outputs: int, inputs: int, seed: int, how: str) -> None:
    content = np.full(SLOTS, -1, dtype=np.int64)
    if how == "repeated":
        content = np.arange(SLOTS) % power_above(inputs)
        content[content >= inputs] = -1
    elif how == "once":
        content[:inputs] = np.arange(inputs)
    else:
        inputs = min(inputs, 16)
        content[np.arange(inputs) * 16] = np.arange(inputs)
    weights = matrix(outputs, inputs, seed)
    found = list(later(Linear(weights, np.zeros(outputs)), content))
    assert found or outputs > 16
    for laid in found:
        check(laid, weights, seed)


@settings(max_examples=10, deadline=None)
@given(
    st.integers(1, 2),
    st.integers(1, 4),
    st.integers(1, 3),
    st.integers(1, 3),
    st.integers(0, 1),
    st.integers(4, 7),
)
def test_convolutions_are_their_matrix(
    channels: int, out: int, size: int, stride: int, padding: int, side: int
) -> None:
    rng = np.random.default_rng(side)
    layer = Convolution(
        rng.normal(size=(out, channels, size, size)), rng.normal(size=out), (channels, side, side),
        (stride, stride), (padding, padding),
    )  # fmt: skip
    images = rng.normal(size=(3, layer.inputs))
    np.testing.assert_allclose(layer(images), layer.linear(images), atol=1e-12)
    for laid in first(layer, 1024):
        check(laid, layer.linear.weights, side)


def test_rotations_that_do_not_suffice_make_no_plan() -> None:
    weights, content = matrix(4, 8, 0), np.full(16, -1)
    content[:8] = np.arange(8)
    assert plan(weights, content, Steps((0,)), np.arange(4)) is None
    assert plan(weights, content, Steps(tuple(range(8)), span(8, 16)), np.arange(4)) is not None
    assert plan(weights, content, Steps((0,), (0,), (8, 8)), np.arange(4)) is None  # a fold that adds a slot twice


def test_folds_are_left_to_whoever_adds_up_the_parts_unless_outputs_share_one() -> None:
    (folded,) = (
        laid
        for laid in later(Linear(matrix(3, 8, 0), np.zeros(3)), np.arange(SLOTS) % 8)
        if laid.plan.steps.folds and laid.plan.steps.giants == (0,) and laid.plan.steps.folds == (1, 2, 4)
    )
    parted = apart(folded.plan)
    assert (parted.parts, parted.rotations) == (8, ())
    assert (parted.targets == np.arange(3)[:, None] * 8 + np.arange(8)).all()
    assert (parted.content[24:] == -1).all()
    unfolded = plan(np.eye(4), np.arange(SLOTS), Steps((0,)), np.arange(4))
    assert apart(unfolded) is unfolded
    shared = replace(folded.plan, content=np.where(np.arange(SLOTS) < 3, np.arange(SLOTS), -1))
    assert apart(shared) is shared


def test_a_collision_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """A product that reaches a slot of another output, or counts twice, or takes another input, breaks the proof."""
    weights = matrix(4, 8, 0)
    content = np.arange(16) % 8
    steps = Steps(tuple(range(8)))
    assign = layouts._assigned

    def bent(change: str) -> object:
        def assigned(*args: object) -> object:
            owners, columns = assign(*args)  # type: ignore[arg-type]
            assert owners is not None
            at = tuple(np.argwhere(owners >= 0)[0])
            other = tuple(np.argwhere(owners < 0)[0])
            if change == "owner":
                owners[at] = (owners[at] + 1) % 4
            elif change == "column":
                columns[at] = (columns[at] + 1) % 8
            else:
                owners[other], columns[other] = owners[at], columns[at]
            return owners, columns

        return assigned

    for change in ("owner", "column", "twice"):
        monkeypatch.setattr(layouts, "_assigned", bent(change))
        with pytest.raises(Collision):
            plan(weights, content, steps, np.arange(4))


def test_a_repeated_plan_needs_no_more_rotations() -> None:
    weights = matrix(4, 8, 1)
    few = min(first(Linear(weights, np.zeros(4)), 32), key=lambda laid: len(laid.plan.rotations))
    many = min(first(Linear(weights, np.zeros(4)), 512), key=lambda laid: len(laid.plan.rotations))
    assert many.plan.rotations == few.plan.rotations
    assert replace(many).plan.content.shape == (512,)
