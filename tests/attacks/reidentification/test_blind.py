"""Blind descriptions allow as much as informed ones, and know nothing that is not public."""

from __future__ import annotations

import numpy as np
import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from casemate.attacks.reidentification.blind import elsewhere, within
from casemate.core.reading import read
from casemate.core.release import Meanings, Release

WORDS = np.array(list("abcdef"), dtype=object)


@settings(max_examples=30)
@given(st.integers(0, 1000))
def test_ranges_of_numbers_are_as_wide_somewhere_else(seed: int) -> None:
    rng = np.random.default_rng(seed)
    domain = np.arange(50.0)
    low = rng.integers(40, size=20).astype(np.int32)
    told = Meanings(domain, tuple(map(str, range(20))), low, low + 5)
    moved = elsewhere(told, np.zeros(50), rng)
    assert (moved.sizes == 6).all()
    assert (moved.low >= 0).all() and (moved.high < 50).all()


def test_numbers_that_nobody_has_fit_nobody() -> None:
    rng = np.random.default_rng(0)
    domain = np.array([0.0, 1.0, 1000.0])
    told = Meanings(domain, tuple(map(str, range(200))), np.full(200, 1, np.int32), np.full(200, 1, np.int32))
    moved = elsewhere(told, np.zeros(3), rng)
    assert (moved.high < moved.low).mean() > 0.9
    (reading,) = read(
        Release(
            pl.DataFrame({"x": ["0..1000"]}), {}, np.arange(1),
            {"x": Meanings(domain, ("0..1000",), np.zeros(1, np.int32), np.full(1, 2, np.int32))},
        ),
        ["x"],
    )  # fmt: skip
    first, last = within(reading, np.zeros(200, np.int64), rng)
    assert (last < first).mean() > 0.9


def test_only_words_that_are_public_are_drawn() -> None:
    rng = np.random.default_rng(0)
    told = Meanings(WORDS, tuple(map(str, range(50))), np.zeros(50, np.int32), np.ones(50, np.int32))
    moved = elsewhere(told, np.array([0, 9, 0, 9, 9, 0.0]), rng)
    assert moved.members is not None
    assert (moved.sizes == 2).all()
    assert not moved.members[:, [0, 2, 5]].any()
    none = elsewhere(told, np.zeros(6), rng)
    assert (none.high < none.low).all()


def test_a_description_that_allows_everything_still_does() -> None:
    told = Meanings(WORDS, ("0",), np.zeros(1, np.int32), np.full(1, 5, np.int32))
    assert elsewhere(told, np.zeros(6), np.random.default_rng(0)).sizes.tolist() == [6]
