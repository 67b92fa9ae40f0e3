"""Programs on slots under encryption: what they compute is what they compute in the clear."""

import numpy as np
import pytest

from casemate.controls.homomorphic.candidates import Laid, first, later
from casemate.controls.homomorphic.chain import ckks_chain
from casemate.controls.homomorphic.circuits import Linear
from casemate.controls.homomorphic.context import Context
from casemate.controls.homomorphic.powers import drops, shape_of
from casemate.controls.homomorphic.slot_program import LinearStep, PowerStep, SlotProgram
from casemate.controls.homomorphic.trial import Trial

CONTEXT = Context(ckks_chain(8192, (60, 30, 30, 30, 60)))


def cheapest(found: list[Laid]) -> Laid:
    return min(found, key=lambda laid: len(laid.plan.rotations))


def program(coefficients: list[float], *, rescale: bool = True, seed: int = 0) -> SlotProgram:
    rng = np.random.default_rng(seed)
    one = Linear(rng.normal(size=(6, 9)) / 3, rng.normal(size=6) / 3)
    other = Linear(rng.normal(size=(3, 6)), rng.normal(size=3))
    begin = cheapest(list(first(one, CONTEXT.chain.slots)))
    end = cheapest(list(later(other, begin.plan.content)))
    steps = (
        LinearStep(begin, one.bias, 30, rescale),
        PowerStep(np.array(coefficients)),
        LinearStep(end, other.bias, 24),
    )
    return SlotProgram(CONTEXT, steps, 30)


@pytest.mark.parametrize(
    ("coefficients", "shape", "primes"),
    [
        ([0.0, 0.0, 1.0], "square", 1),
        ([0.0, -1.0, 0.0, 1.0], "cube", 2),
        ([0.3, 0.5, 0.0, 1.0], "cube", 2),
        ([0.0, 0.5, -1.25, 0.0, 1.0], "fourth power", 2),
        ([0.2, 0.5, 0.3], "general", 2),
        ([0.2, 1e-12, 0.3], "general", 2),
    ],
)
def test_polynomials(coefficients: list[float], shape: str, primes: int) -> None:
    made = program(coefficients)
    assert shape_of(np.array(coefficients)) == shape
    assert drops(np.array(coefficients)) == primes
    trial = Trial(made)
    values = np.random.default_rng(1).uniform(-1, 1, 9)
    slots = trial.packing.pack(values)
    answer = made.run(trial.encrypted(values), trial.galois, trial.relinearise)
    assert answer.coeff_modulus_size() == trial.packing.given
    assert np.isclose(answer.scale(), trial.packing.scale, rtol=1e-9)
    wanted = trial.packing.unpack(made.reference(slots))
    np.testing.assert_allclose(trial.packing.unpack(trial.decrypted(answer)), wanted, atol=0.02)


def test_a_polynomial_of_degree_five() -> None:
    coefficients = np.array([0.1, 0.5, 0.2, 0.1, 0.3, 0.2])
    assert drops(coefficients) == 4
    context = Context(ckks_chain(16384, (60, 40, 40, 40, 40, 40, 60)))
    rng = np.random.default_rng(0)
    begin = cheapest(list(first(Linear(rng.normal(size=(2, 3)) / 2, np.zeros(2)), context.chain.slots)))
    end = cheapest(list(later(Linear(rng.normal(size=(1, 2)), np.zeros(1)), begin.plan.content)))
    made = SlotProgram(
        context,
        (LinearStep(begin, np.zeros(2), 40, True), PowerStep(coefficients), LinearStep(end, np.zeros(1), 24)),
        40,
    )
    trial = Trial(made)
    values = np.array([0.3, -0.8, 0.5])
    wanted = trial.packing.unpack(made.reference(trial.packing.pack(values)))
    np.testing.assert_allclose(trial.scores(values), wanted, atol=1e-3)


def test_rescaling_once_or_twice_is_the_same() -> None:
    values = np.random.default_rng(2).uniform(-1, 1, 9)
    early, late = program([0.0, 0.0, 1.0]), program([0.0, 0.0, 1.0], rescale=False)
    assert late.packing().given == early.packing().given + 1
    np.testing.assert_allclose(Trial(early).scores(values), Trial(late).scores(values), atol=0.02)


def test_what_a_client_must_know() -> None:
    packing = program([0.0, 0.0, 1.0]).packing()
    assert packing.relinearise
    assert set(packing.content[packing.content >= 0]) == set(range(9))
    assert len(packing.answers) == 3
    assert all(0 < rotation < CONTEXT.chain.slots for rotation in packing.rotations)
