import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from casemate.controls.deidentification.order import order_keys, order_seed


@given(st.integers(0, 2**64 - 1), st.integers(0, 2**40))
def test_different_positions_have_different_keys(seed: int, start: int) -> None:
    positions = np.arange(start, start + 1000)
    assert len(np.unique(order_keys(seed, positions))) == 1000


def test_keys_follow_from_the_seed_and_the_position_alone() -> None:
    whole = order_keys(7, np.arange(100))
    assert np.array_equal(np.concatenate([order_keys(7, np.arange(40)), order_keys(7, np.arange(40, 100))]), whole)
    assert not np.array_equal(order_keys(8, np.arange(100)), whole)


def test_the_order_keeps_nothing_of_the_old_one() -> None:
    places = np.argsort(order_keys(order_seed("digest", "purpose"), np.arange(20_000)))
    correlation = np.corrcoef(places, np.arange(20_000))[0, 1]
    assert abs(correlation) < 0.03


def test_seeds_keep_parts_apart() -> None:
    assert order_seed("ab", "c") != order_seed("a", "bc")
    assert 0 <= order_seed("x") < 2**64
