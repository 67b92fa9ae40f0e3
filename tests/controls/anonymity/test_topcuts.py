"""The first cuts from counts: the groups are those of the whole table in memory, whatever the chunks."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from casemate.controls.anonymity.census import count, none
from casemate.controls.anonymity.gathering import make_rules
from casemate.controls.anonymity.grouping import Guarantee
from casemate.controls.anonymity.mondrian import mondrian, mondrian_within
from casemate.controls.anonymity.parts import place
from casemate.controls.anonymity.topcuts import decide, divide
from casemate.controls.anonymity.verification import verify
from casemate.core.errors import DataError, EmptyData, OutOfRange, ShapeMismatch


def made(seed, n, sizes):
    rng = np.random.default_rng(seed)
    return np.stack([(rng.random(n) ** rng.integers(1, 4) * size).astype(np.int16) for size in sizes], axis=1)


def out_of_core(codes, secret, guarantee, sizes, values, chunk, rows_at_most, **options):
    """Group a table in chunks; return the group of each row, and the parts."""

    def chunks():
        for start in range(0, len(codes), chunk):
            yield codes[start : start + chunk], secret[start : start + chunk]

    rules, parts = divide(chunks, guarantee, sizes=sizes, values=values, rows_at_most=rows_at_most, **options)
    within, ids, groups = place(parts, codes), np.full(len(codes), -1, np.int32), 0
    for i, part in enumerate(parts):
        rows = np.flatnonzero(within == i)
        assert len(rows) == part.rows and (part.rows <= rows_at_most or part.whole)
        here = mondrian_within(codes[rows], secret[rows], rules, part.key, engine="numpy")
        ids[rows], groups = here.ids + groups, groups + here.count
    return ids, parts


@settings(max_examples=40, deadline=None)
@given(
    st.integers(0, 10**6),
    st.integers(10, 400),
    st.lists(st.sampled_from([1, 2, 6, 40, 700]), min_size=1, max_size=4),
    st.sampled_from(
        [Guarantee(2), Guarantee(5), Guarantee(3, 2), Guarantee(2, 1.5, entropy=True), Guarantee(2, 2, t=0.3)]
    ),
    st.booleans(),
    st.sampled_from([0.0, 0.3]),
    st.booleans(),
)
def test_the_groups_are_those_of_the_whole_table(seed, n, sizes, guarantee, ordinal, noise, trees):
    codes, secret = made(seed, n, sizes), made(seed + 1, n, [2, 5])
    secret[:2] = [[0, 0], [1, 4]]
    assume(verify(np.zeros(n, int), secret).fulfils(replace(guarantee, k=1)))
    options = {"noise": noise, "seed": seed, "ordinal_sensitive": ordinal}
    if trees:
        options["trees"] = [np.sort(np.random.default_rng(seed).integers(0, 5, size))[None] for size in sizes]
    ids, parts = out_of_core(codes, secret, guarantee, sizes, [2, 5], 1 + n // 3, max(n // 4, 1), **options)
    whole = mondrian(codes, guarantee, sensitive=secret, engine="numpy", **options)
    np.testing.assert_array_equal(ids, whole.ids)
    assert sum(part.rows for part in parts) == n


def test_rows_of_other_parts_are_placed_nowhere():
    codes = made(3, 500, [50, 50])
    _, parts = out_of_core(codes, codes, Guarantee(5), [50, 50], [], 100, 60)
    assert len(parts) > 8
    everywhere = place(parts, codes)
    some = place(parts[2:5], codes)
    np.testing.assert_array_equal(some, np.where((everywhere >= 2) & (everywhere < 5), everywhere - 2, -1))
    assert place([], codes).tolist() == [-1] * 500


def test_counts_of_parts_add_up_to_those_of_the_whole():
    codes, secret = made(1, 90, [4, 9]), made(2, 90, [3])
    whole = count(codes, secret, [4, 9], [3])[0]
    added = none([4, 9], [3])
    for start in (0, 40, 70):
        stop = {0: 40, 40: 70, 70: 90}[start]
        added = added + count(codes[start:stop], secret[start:stop], [4, 9], [3])[0]
    for a, b in zip(whole.columns, added.columns, strict=True):
        np.testing.assert_array_equal(a, b)
    assert whole.rows == 90
    assert whole.histogram(1).tolist() == np.bincount(codes[:, 1], minlength=9).tolist()
    assert whole.secrets()[0].tolist() == np.bincount(secret[:, 0], minlength=3).tolist()


def test_relaxed_cuts_are_refused():
    codes = made(1, 40, [9, 9])
    rules = make_rules(Guarantee(2), rows=40, low=codes.min(axis=0), high=codes.max(axis=0), relaxed=True)
    with pytest.raises(DataError, match="relaxed cuts cannot be decided from counts"):
        decide(count(codes, None, [9, 9])[0], rules, rules.root)


def test_bad_input():
    codes = made(1, 40, [9, 9])
    with pytest.raises(EmptyData):
        divide(list, Guarantee(2), sizes=[9, 9], rows_at_most=10)
    with pytest.raises(DataError, match="k is 41, but the table has 40 rows"):
        divide(lambda: [(codes, None)], Guarantee(41), sizes=[9, 9], rows_at_most=10)
    with pytest.raises(OutOfRange, match="column 1 holds codes from 0 to 8, but has 8"):
        count(codes, None, [9, 8])
    with pytest.raises(ShapeMismatch, match="2 \\+ 0 columns, but 1 \\+ 0 sizes"):
        count(codes, None, [9])
    with pytest.raises(ShapeMismatch, match="cannot be added"):
        none([9]) + none([8])
    rules, parts = divide(lambda: [(codes, None)], Guarantee(2), sizes=[9, 9], rows_at_most=10)
    with pytest.raises(ShapeMismatch, match="1 columns, but rules for 2"):
        mondrian_within(codes[:, :1], None, rules, parts[0].key)
