"""Verification against the definitions, group by group."""

import math
from collections import Counter, defaultdict

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from casemate.controls.anonymity.grouping import Grouping, Guarantee
from casemate.controls.anonymity.verification import Anonymity, verify
from casemate.core.errors import EmptyData, ShapeMismatch


def by_definition(rows, columns, ordinal):
    """k, groups, l, entropy l and t, as the papers define them."""
    groups = defaultdict(list)
    for i, row in enumerate(rows):
        groups[tuple(np.atleast_1d(row).tolist())].append(i)
    k = min(map(len, groups.values()))
    distinct, entropies, distances = [], [], []
    for column, ordered in zip(columns, ordinal, strict=True):
        values = sorted(set(column))
        whole = [column.count(v) / len(column) for v in values]
        for members in groups.values():
            counts = Counter(column[i] for i in members)
            shares = [counts[v] / len(members) for v in values]
            distinct.append(len(counts))
            entropies.append(math.exp(-sum(p * math.log(p) for p in shares if p)))
            gaps = [p - q for p, q in zip(shares, whole, strict=True)]
            if ordered:
                carried = [sum(gaps[: i + 1]) for i in range(len(gaps))]
                distances.append(sum(map(abs, carried)) / max(len(values) - 1, 1))
            else:
                distances.append(sum(map(abs, gaps)) / 2)
    return k, len(groups), min(distinct), min(entropies), max(distances)


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_what_is_measured_is_what_the_definitions_say(data):
    n = data.draw(st.integers(1, 40))
    wide = data.draw(st.sampled_from([2, 2**40]))
    codes = np.array(data.draw(st.lists(st.lists(st.integers(0, 2), min_size=2, max_size=2), min_size=n, max_size=n)))
    columns = [data.draw(st.lists(st.integers(0, size), min_size=n, max_size=n)) for size in (3, 12)]
    ordinal = data.draw(st.lists(st.booleans(), min_size=2, max_size=2))
    got = verify(codes * wide, np.array(columns).T, ordinal_sensitive=ordinal)
    k, groups, distinct, entropy, t = by_definition(codes, columns, ordinal)
    assert (got.k, got.groups, got.l) == (k, groups, distinct)
    assert got.entropy_l == pytest.approx(entropy) and got.t == pytest.approx(t, abs=1e-12)


def test_groups_may_be_given_by_number_by_grouping_or_by_codes():
    ids, secret = np.array([0, 0, 1, 1, 1], np.int32), np.array([4, 4, 7, 8, 9])
    expected = verify(ids, secret)
    assert expected == verify(Grouping(ids, 2), secret) == verify(np.stack([ids, 5 - ids], axis=1), secret)
    assert (expected.k, expected.l, expected.groups) == (2, 1, 2)
    assert verify(ids) == Anonymity(2, 2)


def test_rows_that_are_not_published_do_not_count():
    ids, secret = np.array([0, -1, 0, 1, 1]), np.array([1, 9, 2, 1, 2])
    assert verify(ids, secret) == Anonymity(2, 2, 2, pytest.approx(2.0), 0.0)


def test_very_many_columns_are_packed_in_turns():
    codes = np.random.default_rng(0).integers(0, 2, (300, 200)) * (2**31 - 1)
    codes[150:] = codes[:150]
    assert verify(codes) == Anonymity(2, 150)


@pytest.mark.parametrize(
    ("guarantee", "holds"),
    [
        (Guarantee(3), True),
        (Guarantee(4), False),
        (Guarantee(3, 2), True),
        (Guarantee(3, 3), False),
        (Guarantee(3, 1.9, entropy=True), True),
        (Guarantee(3, 2.0, entropy=True), False),
        (Guarantee(3, t=0.25), True),
        (Guarantee(3, t=0.24), False),
    ],
)
def test_a_guarantee_is_held_or_not(guarantee, holds):
    assert Anonymity(3, 10, 2, 1.9, 0.25).fulfils(guarantee) is holds


def test_without_sensitive_columns_nothing_is_said_of_them():
    assert Anonymity(3, 10).fulfils(Guarantee(3)) and not Anonymity(3, 10).fulfils(Guarantee(3, 2))


def test_bad_input():
    with pytest.raises(EmptyData, match="no row is published"):
        verify(np.array([-1, -1]))
    with pytest.raises(EmptyData):
        verify(np.zeros((0, 3), np.int16))
    with pytest.raises(ShapeMismatch, match="3 rows, but 2 rows"):
        verify(np.zeros(3, np.int64), np.zeros(2, np.int64))
