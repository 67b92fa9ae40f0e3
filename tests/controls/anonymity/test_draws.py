"""Random numbers of nodes: spread, reproducible, and the same for scalars and arrays."""

import numpy as np

from casemate.controls.anonymity.draws import high_key, low_key, mix, root_key, target


def test_the_hash_is_splitmix64():
    # the first output of SplitMix64 for seed 0, from its reference implementation
    assert int(mix(np.array([0x9E3779B97F4A7C15], np.uint64))[0]) == 0xE220A8397B1DCDAF


def test_ways_from_the_root_give_different_keys():
    keys = root_key(5)
    for _ in range(12):
        keys = np.concatenate([low_key(keys), high_key(keys)])
    assert len(np.unique(keys)) == 2**12
    assert root_key(5) != root_key(6) and root_key(-1) == root_key(2**64 - 1)


def test_targets_are_spread_evenly_around_the_middle():
    keys = np.arange(20_000, dtype=np.uint64)
    drawn = target(keys, np.array([3], np.uint64), np.full(20_000, 1000), 0.25)
    assert drawn.min() >= 500 and drawn.max() < 1500
    counts = np.histogram(drawn, bins=10, range=(500, 1500))[0]
    assert counts.min() > 1800 and counts.max() < 2200


def test_columns_draw_on_their_own():
    keys = np.arange(2000, dtype=np.uint64)
    one, two = (target(keys, np.array([j], np.uint64), np.full(2000, 10**6), 0.4) for j in (0, 1))
    assert abs(np.corrcoef(one, two)[0, 1]) < 0.08
