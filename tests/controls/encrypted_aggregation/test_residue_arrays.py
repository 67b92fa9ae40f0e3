from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from casemate.controls.encrypted_aggregation import residue_arrays
from casemate.controls.homomorphic.chain import bfv_chain
from casemate.controls.homomorphic.context import Context
from casemate.controls.homomorphic.residues import Residues, ciphertext_of, residues_of
from casemate.core.errors import NotCanonical


@given(width=st.integers(2, 8), count=st.integers(4, 40), seed=st.integers(0, 99))
def test_residues_survive_being_bytes(width: int, count: int, seed: int) -> None:
    prime = (1 << min(8 * width, 63)) - 1
    values = np.random.default_rng(seed).integers(0, prime, (1, count), dtype=np.uint64)
    data = residue_arrays.packed(values, width)
    assert len(data) == width * count
    assert np.array_equal(residue_arrays.unpacked(memoryview(data), (1, count), width, (prime,)), values)


def test_a_residue_that_is_its_prime_is_refused() -> None:
    values = np.array([[5, 6], [10, 11]], np.uint64)
    residue_arrays.check_below(values, (7, 12))
    with pytest.raises(NotCanonical):
        residue_arrays.check_below(values, (7, 11))
    with pytest.raises(NotCanonical):
        residue_arrays.unpacked(memoryview(residue_arrays.packed(values, 8)), (2, 2), 8, (6, 12))


def test_a_ciphertext_that_hides_nothing_is_refused() -> None:
    values = np.ones((2, 2, 2, 4), np.uint64)
    residue_arrays.check_hiding(values)
    values[1, 1, 0] = 0  # modulo one prime suffices
    with pytest.raises(NotCanonical, match="hide nothing"):
        residue_arrays.check_hiding(values)


@pytest.mark.parametrize(("degree", "bits", "plain"), [(2048, (45,), 20), (8192, (56, 55, 20), 30)])
def test_sums_are_bit_for_bit_those_of_seal(degree: int, bits: tuple[int, ...], plain: int) -> None:
    chain = bfv_chain(degree, bits, plain)
    context, rng = Context(chain), np.random.default_rng(0)
    arrays = [
        np.stack([rng.integers(0, prime, (2, degree), dtype=np.uint64) for prime in chain.levels], axis=1)
        for _ in range(5)
    ]
    arrays.append(np.stack([np.full((2, degree), prime - 1, np.uint64) for prime in chain.levels], axis=1))
    ours = residue_arrays.ResidueSum(arrays[0].shape, chain.levels)
    theirs = ciphertext_of(Residues(arrays[0], 1.0, False), context)
    for place, values in enumerate(arrays):
        ours.add(values)
        if place:
            theirs = context.evaluator.add(theirs, ciphertext_of(Residues(values, 1.0, False), context))
    assert np.array_equal(ours.total(), residues_of(theirs).values)


@given(st.lists(st.tuples(st.integers(0, 96), st.integers(0, 96)), min_size=1, max_size=9))
def test_additions_and_subtractions_are_those_of_residues(pairs: list[tuple[int, int]]) -> None:
    first, second = np.array(pairs, np.uint64).T[:, None]
    assert residue_arrays.added(first, second, (97,)).tolist() == [[(a + b) % 97 for a, b in pairs]]
    assert residue_arrays.subtracted(first, second, (97,)).tolist() == [[(a - b) % 97 for a, b in pairs]]


def test_reducing_seldom_never_overflows() -> None:
    prime = (1 << 62) - 57
    total = residue_arrays.ResidueSum((1, 3), (prime,))
    largest = np.full((1, 3), prime - 1, np.uint64)
    for number in range(1, 20):
        total.add(largest)
        if number in (3, 4, 5, 19):  # around the first reduction, and after several
            assert total.total().tolist() == [[(prime - 1) * number % prime] * 3]
