"""What covers answers: fresh each time, cancelled out in scores, and larger than what it hides everywhere else."""

import numpy as np
import pytest
from scipy import stats

from casemate.controls.homomorphic.chain import ckks_chain
from casemate.controls.homomorphic.context import Context
from casemate.controls.homomorphic.library import library
from casemate.controls.homomorphic.masking import CoverPool, Mask
from casemate.controls.homomorphic.residues import residues_of
from casemate.controls.homomorphic.slot_program import SlotPacking


class Case:
    """A client's keys, a pool of covers, and a ciphertext to cover."""

    def __init__(self, answers: np.ndarray, mask: Mask) -> None:
        seal = library()
        self.context = Context(ckks_chain(8192, (50, 40, 50)))
        generator = seal.KeyGenerator(self.context.seal)
        secret, self.scale = generator.secret_key(), 2.0**25
        self.packing = SlotPacking(np.arange(4096), answers, 25.0, (), False, 2, self.scale)
        self.encryptor = seal.Encryptor(self.context.seal, generator.create_public_key(), secret)
        self.decryptor = seal.Decryptor(self.context.seal, secret)
        self.pool = CoverPool(self.context, generator.create_public_key(), self.packing, mask)

    def covered(self, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The slots of an answer that was covered, and its second polynomial."""
        answer = self.encryptor.encrypt_symmetric(self.context.encode(values, self.scale, 2))
        self.pool.add_to(answer)
        slots = self.context.encoder.decode(self.decryptor.decrypt(answer))
        return np.asarray(slots), residues_of(answer).values[1]


@pytest.mark.parametrize("parts", [1, 2, 32])
def test_scores_stay_and_everything_else_is_hidden(parts: int) -> None:
    answers = np.random.default_rng(0).permutation(4096)[:1024].reshape(-1, parts)
    case, values = Case(answers, Mask(500.0)), np.random.default_rng(1).normal(size=4096)
    slots, _ = case.covered(values)
    np.testing.assert_allclose(case.packing.unpack(slots), case.packing.unpack(values), atol=1e-3)
    beside = np.delete(slots - values, answers.ravel())
    assert abs(beside.std() / 500 - 1) < 0.1
    assert stats.kstest(beside / beside.std(), "norm").pvalue > 1e-6
    if parts > 1:
        hidden = (slots - values)[answers]
        assert abs(hidden.std() / 500 - np.sqrt(1 - 1 / parts)) < 0.2


def test_noise_in_scores_has_the_deviation_that_was_asked_for() -> None:
    answers = np.arange(4000).reshape(1000, 4)
    case = Case(answers, Mask(500.0, 3.0))
    noise = case.packing.unpack(case.covered(np.zeros(4096))[0])
    assert abs(noise.std() / 3 - 1) < 0.2


def test_covers_are_made_ahead_and_each_is_used_once() -> None:
    case = Case(np.arange(20).reshape(10, 2), Mask(100.0))
    case.pool.prepare(2)
    assert len(case.pool) == 2
    seen = [case.covered(np.zeros(4096)) for _ in range(4)]
    assert len(case.pool) == 0
    assert len({slots.round(3).tobytes() for slots, _ in seen}) == 4
    assert len({second.tobytes() for _, second in seen}) == 4
