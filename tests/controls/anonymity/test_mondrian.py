"""Mondrian: both engines against a plain recursive reference, what every grouping must hold, and bad input."""

import math
import sys
import types
from collections import Counter
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from casemate.controls.anonymity.draws import high_key, low_key, root_key, target
from casemate.controls.anonymity.grouping import Guarantee
from casemate.controls.anonymity.losses import ncp_range
from casemate.controls.anonymity.mondrian import mondrian
from casemate.controls.anonymity.verification import verify
from casemate.core.errors import DataError, EmptyData, ExtraMissing, OutOfRange, ShapeMismatch

ENGINES = ("numba", "numpy")


def table(seed, n, sizes, dtype=np.int16):
    """Made-up codes, some columns skewed."""
    rng = np.random.default_rng(seed)
    columns = [(rng.random(n) ** rng.integers(1, 4) * size).astype(dtype) for size in sizes]
    return np.stack(columns, axis=1)


def tree_of(c, rng):
    """A random taxonomy over c codes: nested cuts, widest level first."""
    levels, edges = [], np.zeros(c - 1, bool)
    for _ in range(int(rng.integers(1, 4))):
        edges = edges | (rng.random(c - 1) < 0.3)
        levels.append(np.concatenate([[0], np.cumsum(edges)]))
    return np.array(levels)


class Reference:
    """Mondrian as the paper tells it, one row at a time, in exact numbers."""

    def __init__(self, codes, guarantee, sensitive=None, ordinal=False, relaxed=False, noise=0.0, seed=0, trees=None):
        self.X, self.g = codes.tolist(), guarantee
        n, self.d = codes.shape
        self.S = [[] for _ in range(n)] if sensitive is None else sensitive.tolist()
        self.all = [Counter(column) for column in zip(*self.S, strict=True)]
        self.ordinal, self.relaxed, self.noise = ordinal, relaxed, noise
        self.trees = [None if t is None else self.paths(t) for t in (trees or [None] * self.d)]
        self.span = [len(t) - 1 if t else max(c) - min(c) for t, c in zip(self.trees, codes.T.tolist(), strict=True)]
        self.ids, self.count = [-1] * n, 0
        self.cut(list(range(n)), root_key(seed))

    @staticmethod
    def paths(tree):
        return [(0, *(int(node) for node in column), code) for code, column in enumerate(tree.T)]

    def depth(self, j, codes):
        """How many levels down from the root the codes share a node."""
        shared = [len(set(level)) == 1 for level in zip(*(self.trees[j][code] for code in codes), strict=True)]
        return shared.index(False) if False in shared else len(shared)

    def width(self, j, codes):
        extent = max(codes) - min(codes)
        if self.trees[j]:
            depth = self.depth(j, codes)
            extent = sum(path[:depth] == self.trees[j][codes[0]][:depth] for path in self.trees[j]) - 1
        return (1.0 / max(self.span[j], 1)) * extent

    def cut(self, rows, key):
        for sides in self.cuts(rows, key):
            if all(self.fulfils(side) for side in sides):
                self.cut(sides[0], low_key(key))
                self.cut(sides[1], high_key(key))
                return
        for row in rows:
            self.ids[row] = self.count
        self.count += 1

    def cuts(self, rows, key):
        """The best cut of every column, the widest column first."""
        m = len(rows)
        columns = [[self.X[row][j] for row in rows] for j in range(self.d)]
        open_ = [j for j in range(self.d) if max(columns[j]) > min(columns[j])]
        for j in sorted(open_, key=lambda j: (-self.width(j, columns[j]), j)):
            wanted = m
            if self.noise:
                wanted = int(target(key, np.array([j], np.uint64), np.array([m]), self.noise)[0])
            order = sorted(rows, key=lambda row: (self.X[row][j], row))
            at = self.relaxed_places(m, wanted) if self.relaxed else self.strict_places(order, j)
            at = [c for c in at if c >= self.g.k and m - c >= self.g.k]
            if at:
                c = min(at, key=lambda c: (abs(2 * c - wanted), c))
                yield sorted(order[:c]), sorted(order[c:])

    def relaxed_places(self, m, wanted):
        return [min(max(wanted // 2, self.g.k), m - self.g.k)]

    def strict_places(self, order, j):
        values = [self.X[row][j] for row in order]
        places = [c for c in range(1, len(order)) if values[c - 1] != values[c]]
        if self.trees[j]:
            depth = self.depth(j, values)
            paths = self.trees[j]
            places = [c for c in places if paths[values[c - 1]][: depth + 1] != paths[values[c]][: depth + 1]]
        return places

    def fulfils(self, side):
        if len(side) < self.g.k:
            return False
        columns = zip(*(self.S[row] for row in side), strict=True)
        return all(self.enough(Counter(column), whole) for column, whole in zip(columns, self.all, strict=True))

    def enough(self, counts, whole):
        m, n = counts.total(), whole.total()
        if self.g.entropy:
            entropy = -sum(c / m * math.log2(c / m) for c in counts.values())
            if entropy < math.log2(self.g.l) - 1e-5:
                return False
        elif len(counts) < self.g.l:
            return False
        if self.g.t is None:
            return True
        gaps = [Fraction(counts[v], m) - Fraction(whole[v], n) for v in sorted(whole)]
        if not self.ordinal:
            return sum(map(abs, gaps)) / 2 <= Fraction(str(self.g.t))
        carried = np.cumsum(gaps)
        return sum(map(abs, carried)) <= Fraction(str(self.g.t)) * max(len(gaps) - 1, 1)


def both(codes, guarantee, **options):
    """The grouping, after making sure that both engines agree."""
    fast, plain = (mondrian(codes, guarantee, engine=engine, **options) for engine in ENGINES)
    np.testing.assert_array_equal(fast.ids, plain.ids)
    assert fast.count == plain.count
    return plain


shapes = st.tuples(
    st.integers(0, 10**6), st.integers(2, 120), st.lists(st.sampled_from([1, 2, 5, 20, 3000]), min_size=1, max_size=5)
)


@settings(max_examples=60, deadline=None)
@given(shapes, st.integers(1, 8), st.sampled_from([0.0, 0.2, 0.49]), st.booleans())
def test_both_engines_group_as_the_reference_does(shape, k, noise, relaxed):
    seed, n, sizes = shape
    codes = table(seed, max(n, k), sizes)
    got = both(codes, Guarantee(k), noise=noise, relaxed=relaxed, seed=seed)
    reference = Reference(codes, Guarantee(k), noise=noise, relaxed=relaxed, seed=seed)
    assert got.ids.tolist() == reference.ids
    assert got.count == reference.count


@settings(max_examples=40, deadline=None)
@given(shapes, st.integers(1, 4), st.booleans(), st.sampled_from([0.0, 0.3]))
def test_taxonomies_are_cut_between_children(shape, k, some, noise):
    seed, n, sizes = shape
    rng = np.random.default_rng(seed)
    codes = table(seed, max(n, k), sizes)
    trees = [None if some and j % 2 else tree_of(size, rng) for j, size in enumerate(sizes)]
    got = both(codes, Guarantee(k), trees=trees, noise=noise, seed=seed)
    assert got.ids.tolist() == Reference(codes, Guarantee(k), trees=trees, noise=noise, seed=seed).ids


@settings(max_examples=60, deadline=None)
@given(
    shapes,
    st.sampled_from(
        [Guarantee(2, 2), Guarantee(3, 1.7, entropy=True), Guarantee(2, 1, t=0.3), Guarantee(1, 2, t=0.25)]
    ),
    st.booleans(),
    st.booleans(),
)
def test_diversity_and_closeness_hold_in_every_sensitive_column(shape, guarantee, ordinal, relaxed):
    seed, n, sizes = shape
    codes = table(seed, max(n, 4), sizes)
    sensitive = table(seed + 1, len(codes), [3, 9]).astype(np.int32) * 2  # gaps in the codes do not count
    sensitive[:2] = [[0, 0], [4, 16]]
    if not verify(np.zeros(len(codes), int), sensitive).fulfils(guarantee):
        with pytest.raises(DataError, match="not even all"):
            mondrian(codes, guarantee, sensitive=sensitive)
        return
    options = {"sensitive": sensitive, "ordinal_sensitive": ordinal, "relaxed": relaxed}
    got = both(codes, guarantee, **options)
    reference = Reference(codes, guarantee, sensitive, ordinal, relaxed)
    assert got.ids.tolist() == reference.ids
    assert verify(got, sensitive, ordinal_sensitive=ordinal).fulfils(guarantee)


@pytest.mark.parametrize("relaxed", [False, True])
def test_many_rows_of_wide_columns(relaxed):
    codes = table(7, 30_000, [30_000, 3, 100, 2, 9000])
    got = both(codes, Guarantee(5), relaxed=relaxed, noise=0.1, seed=4)
    assert got.sizes.min() >= 5
    assert got.count > 3000


def test_codes_of_32_bits_and_rows_wider_than_a_vector():
    codes = table(3, 2000, [50_000_000, 7, 2, 100_000, 5, 5, 5, 9, 2], np.int32)
    got = both(codes, Guarantee(4))
    assert got.ids.tolist() == Reference(codes, Guarantee(4)).ids


def test_the_stack_of_the_kernel_grows(monkeypatch):
    from casemate.controls.anonymity import mondrian_numba

    codes, made, sizes = table(6, 3000, [300, 20, 7]), mondrian_numba._stack, []

    def small(size, *rest):
        sizes.append(size)
        return made(2, *rest)

    expected = mondrian(codes, Guarantee(2), engine="numpy")
    monkeypatch.setattr(mondrian_numba, "_stack", small)
    np.testing.assert_array_equal(mondrian(codes, Guarantee(2), engine="numba").ids, expected.ids)
    assert sizes


def test_groups_are_numbered_from_low_to_high():
    codes = np.arange(16, dtype=np.int16)[::-1, None]
    assert both(codes, Guarantee(2)).ids.tolist() == [7, 7, 6, 6, 5, 5, 4, 4, 3, 3, 2, 2, 1, 1, 0, 0]


def test_the_next_widest_column_is_cut_where_the_widest_cannot_be():
    codes = np.array([[0, 0], [9, 0], [9, 0], [9, 1], [9, 1], [9, 2]], np.int16)
    assert both(codes, Guarantee(3)).ids.tolist() == [0, 0, 0, 1, 1, 1]


def test_heavier_columns_keep_more_detail():
    codes = table(1, 4000, [50, 50, 50])
    light = ncp_range(codes, mondrian(codes, Guarantee(5), weights=[1, 1, 1]))
    heavy = ncp_range(codes, mondrian(codes, Guarantee(5), weights=[10, 1, 1]))
    assert heavy[0] < light[0] / 2
    assert heavy[1:].mean() > light[1:].mean()


def test_noise_moves_cuts_but_not_the_guarantee():
    codes = table(2, 3000, [500, 500])
    plain, noisy, other = (both(codes, Guarantee(5), noise=noise, seed=s) for noise, s in ((0, 1), (0.3, 1), (0.3, 2)))
    assert noisy.sizes.min() >= 5
    assert not np.array_equal(plain.ids, noisy.ids)
    assert not np.array_equal(noisy.ids, other.ids)
    np.testing.assert_array_equal(noisy.ids, mondrian(codes, Guarantee(5), noise=0.3, seed=1).ids)


@pytest.mark.parametrize("engine", ENGINES)
def test_strict_groups_do_not_depend_on_the_order_of_rows(engine):
    codes = table(5, 500, [40, 7, 300])
    order = np.random.default_rng(0).permutation(500)
    there = mondrian(codes[order], Guarantee(3), engine=engine)
    np.testing.assert_array_equal(there.ids, mondrian(codes, Guarantee(3), engine=engine).ids[order])


@pytest.mark.parametrize("engine", ENGINES)
def test_progress_ends_with_all_rows(engine):
    seen = []
    mondrian(table(1, 700, [9, 9]), Guarantee(5), progress=seen.append, engine=engine)
    assert seen == sorted(seen) and seen[-1] == 700


@pytest.mark.parametrize("engine", ENGINES)
def test_the_callers_codes_are_left_alone(engine):
    codes = table(1, 300, [9, 9, 9, 9, 9, 9, 9, 9])
    before = codes.copy()
    mondrian(codes, Guarantee(5), engine=engine)
    np.testing.assert_array_equal(codes, before)


@pytest.mark.parametrize("engine", ENGINES)
def test_rows_that_are_all_alike_form_one_group(engine):
    assert mondrian(np.full((9, 3), 4, np.int16), Guarantee(2), engine=engine).ids.tolist() == [0] * 9


def test_tables_in_other_layouts_and_widths_of_integers_are_read_as_well():
    codes = table(4, 400, [20, 30])
    expected = mondrian(codes, Guarantee(3)).ids
    for same in (np.asfortranarray(codes), codes.astype(np.int64), codes.astype(np.uint8), np.repeat(codes, 2, 0)[::2]):
        np.testing.assert_array_equal(mondrian(same, Guarantee(3)).ids, expected)


def test_without_numba_plain_numpy_does_it(monkeypatch):
    codes = table(4, 400, [20, 30])
    expected = mondrian(codes, Guarantee(3), engine="numba").ids
    monkeypatch.setitem(sys.modules, "casemate.controls.anonymity.mondrian_numba", None)
    np.testing.assert_array_equal(mondrian(codes, Guarantee(3)).ids, expected)
    with pytest.raises(ExtraMissing, match="numba") as caught:
        mondrian(codes, Guarantee(3), engine="numba")
    assert "casemate[fast]" in str(caught.value)


def test_where_compiled_code_cannot_be_kept_it_is_compiled_anew(monkeypatch):
    from casemate.controls.anonymity import compiling

    def njit(**options):
        if options["cache"]:
            raise RuntimeError("cannot cache function: no locator available")
        return numba.njit(**options)

    numba = compiling.numba
    monkeypatch.setattr(compiling, "numba", types.SimpleNamespace(njit=njit))
    assert compiling.compiled(lambda number: 2 * number)(4) == 8


BAD = [
    (DataError, "k is 7, but the table has 4 rows", {"guarantee": Guarantee(7)}),
    (EmptyData, "no rows", {"codes": np.zeros((0, 2), np.int16)}),
    (OutOfRange, "hold -1", {"codes": np.array([[0], [1], [-1]])}),
    (OutOfRange, "hold 2147483648", {"codes": np.array([[0], [1], [2**31]])}),
    (DataError, "codes are float64", {"codes": np.zeros((4, 2))}),
    (ShapeMismatch, "must be", {"codes": np.zeros(4, np.int16)}),
    (ShapeMismatch, "no quasi-identifier", {"codes": np.zeros((4, 0), np.int16)}),
    (ShapeMismatch, "sensitive codes must be", {"sensitive": np.zeros(3, np.int32)}),
    (OutOfRange, "sensitive codes hold -2", {"sensitive": np.array([0, 1, -2, 0])}),
    (DataError, "no column is sensitive", {"guarantee": Guarantee(2, 2)}),
    (DataError, "not even all 4 rows", {"guarantee": Guarantee(2, 3), "sensitive": np.array([0, 1, 0, 1])}),
    (OutOfRange, "noise is 0.5", {"noise": 0.5}),
    (ShapeMismatch, "weights for 2 columns", {"weights": [1.0]}),
    (OutOfRange, "weights are", {"weights": [1.0, 0.0]}),
    (OutOfRange, "weights are", {"weights": [1.0, math.nan]}),
    (ShapeMismatch, "1 taxonomies for 2 columns", {"trees": [None]}),
    (DataError, "exclude each other", {"trees": [np.array([[0, 0, 1, 1]]), None], "relaxed": True}),
    (OutOfRange, "its taxonomy 2 codes", {"trees": [np.array([[0, 1]]), None]}),
]


@pytest.mark.parametrize(("error", "text", "change"), BAD, ids=[text for _, text, _ in BAD])
def test_bad_input_is_told_apart(error, text, change):
    given = {"codes": np.array([[0, 0], [1, 0], [2, 1], [3, 1]], np.int16), "guarantee": Guarantee(2)} | change
    with pytest.raises(error, match=text):
        mondrian(**given)
