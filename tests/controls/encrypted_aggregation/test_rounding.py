from __future__ import annotations

import math

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from casemate.controls.encrypted_aggregation.rounding import product, rounded
from casemate.controls.homomorphic.chain import bfv_chain

CHAINS = [
    bfv_chain(4096, (44, 44, 17), 22),
    bfv_chain(8192, (55, 55, 54, 18), 56),
    bfv_chain(2048, (33,), 17),
    bfv_chain(8192, (56, 55, 54), 20),
]


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(CHAINS), st.randoms(use_true_random=False))
def test_rounding_equals_that_of_whole_numbers(chain, random) -> None:  # type: ignore[no-untyped-def]
    q, t = math.prod(chain.levels), chain.plain
    room = q // (2 * t)
    errors = [random.randint(-room * 99 // 100, room * 99 // 100) for _ in range(50)] + [0, room // 2, -room // 2]
    messages = [random.randrange(t) for _ in errors]
    whole = [(q * message // t + error) % q for message, error in zip(messages, errors, strict=True)]
    values = np.array([[number % prime for number in whole] for prime in chain.levels], np.uint64)
    found, largest = rounded(values, chain.levels, t)
    assert found.tolist() == messages
    share = max(map(abs, errors)) * 2 * t / q
    assert abs(largest - share) < 1e-6 + 2 * t / q


@given(st.sampled_from([chain.levels[0] for chain in CHAINS] + [(1 << 56) - 5, 3]), st.data())
def test_products_are_exact(modulus: int, data: st.DataObject) -> None:
    below = st.integers(0, modulus - 1)
    values, factor = data.draw(st.lists(below, min_size=1, max_size=20)), data.draw(below)
    found = product(np.array([*values, modulus - 1], np.uint64), factor, modulus)
    assert found.tolist() == [value * factor % modulus for value in [*values, modulus - 1]]
