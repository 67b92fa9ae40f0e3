"""Downcoding: tight ranges fall, fixed bands and honest luck do not; layers and widened ranges are told apart."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from casemate.attacks.reidentification.downcoding import downcoding, ends_are_rows, nested
from casemate.attacks.reidentification.layers import leftovers
from casemate.core.reading import group_rows, read
from casemate.core.release import Release
from releases import grouped, people, ranges, released, target


def lift(evidence: object) -> float:
    figures = evidence.figures  # type: ignore[attr-defined]
    return float(figures["right with it"] - figures["right without it"])


def by_town(most: int) -> tuple[Release, Release]:
    """Six people in each of 300 towns, their ages as a range that reaches up to ``most`` further at both ends."""
    rng = np.random.default_rng(0)
    age = np.repeat(rng.integers(12, 150, 300), 6) + rng.integers(30, size=1800)
    table = pl.DataFrame({"town": [f"town {at // 6}" for at in range(1800)], "age": age})
    raw = Release(table, {"town": "quasi-identifier", "age": "quasi-identifier"}, np.arange(1800))
    ends = table.group_by("town", maintain_order=True).agg(low=pl.col("age").min(), high=pl.col("age").max())
    low = ends["low"].to_numpy() - rng.integers(0, most + 1, 300)
    high = ends["high"].to_numpy() + rng.integers(0, most + 1, 300)
    labels = [f"{a}..{b}" for a, b in zip(low.tolist(), high.tolist(), strict=True)]
    spans = {label: (float(a), float(b)) for label, a, b in zip(labels, low, high, strict=True)}
    made = table.with_columns(pl.Series("age", np.repeat(labels, 6)))
    return raw, Release(made, raw.roles, raw.rows, {"age": ranges(range(200), spans)})


def test_tight_ranges_give_their_ends_away() -> None:
    raw = people(2000, ages=5000)
    evidence = downcoding(target(released(raw, grouped(raw, 6)), 300))
    assert evidence.figures["right with it"] == 1.0
    assert lift(evidence) > 0.4
    assert evidence.examples[0].after_label == "recovered"


def test_bands_that_were_fixed_beforehand_do_not() -> None:
    raw = people(4000, ages=10_000)
    evidence = downcoding(target(released(raw, grouped(raw, tight=False, width=25)), 2000))
    assert evidence.figures["columns whose labels overlap freely"] == 0.0
    assert abs(lift(evidence)) < 0.03


@pytest.mark.parametrize(("most", "ends"), [(0, True), (12, False)])
def test_widened_ranges_are_noticed(most: int, ends: bool) -> None:
    raw, release = by_town(most)
    disclosure = target(released(raw, release), 400).disclosure
    assert ends_are_rows(disclosure) is ends


def test_widened_ranges_leave_an_attacker_who_notices_no_more_than_the_middle() -> None:
    tight, loose = (downcoding(target(released(*by_town(most)), 800)) for most in (0, 12))
    assert tight.figures["right with it"] == 1.0
    assert lift(tight) > 0.5
    assert lift(loose) < 0.2


def test_of_people_whom_nobody_knows_nothing_can_be_told() -> None:
    raw = people(200)
    disclosure = target(released(raw, grouped(raw), known=("name",)), 100).disclosure
    assert ends_are_rows(disclosure) is None


def test_bands_are_nested_and_free_ranges_are_not() -> None:
    table = pl.DataFrame({"x": ["0..9", "0..4", "5..9"], "y": ["0..6", "4..9", "0..6"]})
    told = {
        "x": ranges(range(10), {"0..9": (0, 9), "0..4": (0, 4), "5..9": (5, 9)}),
        "y": ranges(range(10), {"0..6": (0, 6), "4..9": (4, 9)}),
    }
    one, other = read(Release(table, {}, np.arange(3), told), ["x", "y"])
    assert nested(one)
    assert not nested(other)


def test_whoever_fits_an_inner_group_is_not_in_the_one_around_it() -> None:
    labels = ["0..9"] * 5 + ["0..4"] * 50
    told = ranges(range(10), {"0..9": (0, 9), "0..4": (0, 4)})
    release = Release(pl.DataFrame({"x": labels}), {}, np.arange(55), {"x": told})
    readings = read(release, ["x"])
    groups = group_rows(readings, 55)
    outer = int(groups.of[0])
    found = leftovers(readings, groups, np.arange(2), np.random.default_rng(0))
    assert list(found) == [outer]
    assert found[outer][0] in range(5, 10)


def test_layers_of_bands_are_read_from_outside() -> None:
    rng = np.random.default_rng(3)
    share = np.array([0.4, 0.2, 0.1, 0.1, 0.05, 0.05, 0.05, 0.05])
    x, y = rng.choice(8, 2000, p=share), rng.choice(60, 2000, p=0.95 ** np.arange(60) / (0.95 ** np.arange(60)).sum())
    table = pl.DataFrame({"x": x, "y": y})
    raw = Release(table, {"x": "quasi-identifier", "y": "quasi-identifier"}, np.arange(2000))
    fine = table.select(pl.len().over("x", "y"))["len"].to_numpy() >= 6
    bands = {"0..7": (0, 7)} | {str(value): (value, value) for value in range(8)}
    spans = {f"{low}..{low + 9}": (low, low + 9) for low in range(0, 60, 10)} | {str(at): (at, at) for at in range(60)}
    labels = {
        "x": np.where(fine, x.astype(str), "0..7"),
        "y": np.where(fine, y.astype(str), [f"{value // 10 * 10}..{value // 10 * 10 + 9}" for value in y]),
    }
    meanings = {"x": ranges(range(8), bands), "y": ranges(np.unique(y).tolist(), spans)}
    made = Release(table.with_columns(**{name: pl.Series(label) for name, label in labels.items()}), raw.roles,
                   raw.rows, meanings)  # fmt: skip
    evidence = downcoding(target(released(raw, made), 1000))
    assert evidence.figures["columns whose labels overlap freely"] == 0.0
    assert evidence.figures["rows in groups that wrap others"] > 0.1
    assert lift(evidence) > -0.05
