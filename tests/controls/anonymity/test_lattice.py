"""Full-domain generalisation: never worse than trying every choice, and what it promises holds of what it publishes."""

import itertools

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from casemate.controls.anonymity.coding import Coded, code
from casemate.controls.anonymity.domains import Detail
from casemate.controls.anonymity.grouping import Guarantee
from casemate.controls.anonymity.ladders import ladder
from casemate.controls.anonymity.lattice import lattice, render_bands
from casemate.controls.anonymity.reading import read_meanings
from casemate.core.errors import DataError, EmptyData, OutOfRange

WORDS = tuple((f"w{number}", f"half {number % 2}", "*") for number in range(4))
DETAILS = {"a": Detail(widths=(2, 4)), "b": Detail(rows=WORDS), "c": Detail()}


@st.composite
def tables(draw: st.DrawFn) -> pl.DataFrame:
    n = draw(st.integers(2, 25))

    def column(values: st.SearchStrategy[object]) -> list[object]:
        return draw(st.lists(values, min_size=n, max_size=n))

    words = st.none() | st.sampled_from([row[0] for row in WORDS])
    return pl.DataFrame(
        {
            "a": column(st.integers(0, 9)),
            "b": pl.Series(column(words), dtype=pl.String),
            "c": column(st.sampled_from(["x", "y"])),
            "s": column(st.integers(0, 2)),
        }
    )


guarantees = st.sampled_from(
    [Guarantee(1), Guarantee(2), Guarantee(3), Guarantee(2, 2), Guarantee(2, 1.7, entropy=True), Guarantee(2, 1, t=0.3)]
)


def published(coded: Coded, steps: tuple[int, ...]) -> list[tuple[str, ...]]:
    """The labels of every row at these steps, by hand."""
    columns = []
    for j, (domain, step) in enumerate(zip(coded.domains, steps, strict=True)):
        one = ladder(domain)
        labels = one.meanings(step).labels
        columns.append([labels[one.nodes[step][value]] for value in coded.codes[:, j].tolist()])
    return list(zip(*columns, strict=True))


def holds(rows: list[int], secret: np.ndarray, guarantee: Guarantee) -> bool:
    shares = np.bincount(secret[rows], minlength=3) / len(rows)
    whole = np.bincount(secret, minlength=3) / len(secret)
    some = shares[shares > 0]
    if guarantee.entropy:
        diverse = np.exp(-(some * np.log(some)).sum()) >= guarantee.l - 1e-6
    else:
        diverse = len(some) >= guarantee.l
    near = guarantee.t is None or np.abs(shares - whole).sum() / 2 <= guarantee.t + 1e-12
    return len(rows) >= guarantee.k and bool(diverse) and bool(near)


def by_hand(coded: Coded, steps: tuple[int, ...], secret: np.ndarray, guarantee: Guarantee) -> tuple[int, float]:
    """Return the rows that a choice of steps suppresses, and the share of detail that it loses."""
    groups: dict[tuple[str, ...], list[int]] = {}
    for row, labels in enumerate(published(coded, steps)):
        groups.setdefault(labels, []).append(row)
    bad = [row for rows in groups.values() if not holds(rows, secret, guarantee) for row in rows]
    lost = np.zeros((len(coded.codes), len(steps)))
    for j, (domain, step) in enumerate(zip(coded.domains, steps, strict=True)):
        one = ladder(domain)
        sizes = one.meanings(step).sizes[one.nodes[step][coded.codes[:, j]]]
        lost[:, j] = (sizes - 1) / max(domain.size - 1, 1)
    lost[bad] = 1.0
    return len(bad), float(lost.mean())


@settings(max_examples=40, deadline=None)
@given(tables(), guarantees, st.sampled_from([0.0, 0.1, 0.4]))
def test_no_choice_is_better(table: pl.DataFrame, guarantee: Guarantee, room: float) -> None:
    coded = code(table, ["a", "b", "c"], DETAILS)
    secret = table["s"].to_numpy().astype(np.int32)
    _, secret = np.unique(secret, return_inverse=True)
    try:
        bands = lattice(coded, guarantee, sensitive=secret[:, None], ordinal_sensitive=[False], max_suppression=room)
    except DataError:
        assert not holds(list(range(len(secret))), secret, guarantee)
        return
    allowed = int(room * len(secret))
    choices = itertools.product(*(range(ladder(domain).steps) for domain in coded.domains))
    costs = [by_hand(coded, steps, secret, guarantee) for steps in choices]
    best = min(lost for bad, lost in costs if bad <= allowed)
    assert bands.loss == pytest.approx(best)
    assert by_hand(coded, bands.steps, secret, guarantee) == (bands.grouping.suppressed, pytest.approx(best))


@settings(max_examples=30, deadline=None)
@given(tables(), st.integers(1, 4))
def test_what_is_published_is_true_and_alike(table: pl.DataFrame, k: int) -> None:
    if k > table.height:
        return
    coded = code(table, ["a", "b", "c"], DETAILS)
    shown = render_bands(lattice(coded, Guarantee(k), max_suppression=0.2), coded)
    frame = pl.DataFrame(list(shown.columns.values()))
    assert frame.height >= 0.8 * table.height
    assert frame.is_empty() or frame.group_by(frame.columns).len()["len"].min() >= k
    for domain in coded.domains:
        read, meanings = read_meanings(shown.columns[domain.name], domain), shown.meanings[domain.name]
        for place, text in enumerate(read.labels):
            at = meanings.labels.index(text)
            assert (read.low[place], read.high[place]) == (meanings.low[at], meanings.high[at])


def test_bands_are_the_same_for_all_rows() -> None:
    table = pl.DataFrame({"age": [20, 21, 22, 23, 50, 51, 52, 53]})
    coded = code(table, ["age"], {"age": Detail(widths=(5, 10))})
    shown = render_bands(lattice(coded, Guarantee(3)), coded)
    assert shown.columns["age"].to_list() == ["20..24"] * 4 + ["50..54"] * 4


def test_a_band_that_holds_one_value_is_published_as_a_band() -> None:
    coded = code(pl.DataFrame({"age": [20, 21, 35, 35, 35]}), ["age"], {"age": Detail(widths=(10,))})
    shown = render_bands(lattice(coded, Guarantee(2)), coded)
    assert shown.columns["age"].to_list() == ["20..29"] * 2 + ["30..39"] * 3


def test_shared_codes_are_published_as_the_bands_that_they_lie_in() -> None:
    table = pl.DataFrame({"x": np.arange(70_000)})
    coded = code(table, ["x"], {"x": Detail(widths=(100, 1000))})
    bands = lattice(coded, Guarantee(50))
    assert bands.steps == (1,)
    assert bands.grouping.sizes.tolist() == [100] * 700
    assert render_bands(bands, coded).columns["x"][12_345] == "12300..12399"


def test_refuses_what_cannot_be() -> None:
    coded = code(pl.DataFrame({"a": [1, 2]}), ["a"])
    with pytest.raises(DataError, match="k is 3"):
        lattice(coded, Guarantee(3))
    with pytest.raises(OutOfRange, match="max_suppression"):
        lattice(coded, Guarantee(1), max_suppression=1.0)
    with pytest.raises(EmptyData):
        lattice(Coded(coded.codes[:0], coded.domains), Guarantee(1))
    wide = code(pl.DataFrame({f"c{j}": range(300) for j in range(12)}), [f"c{j}" for j in range(12)])
    many = Detail(widths=(2, 4, 8, 16))
    wide = code(pl.DataFrame({f"c{j}": range(300) for j in range(12)}), wide.names, dict.fromkeys(wide.names, many))
    with pytest.raises(DataError, match="choices"):
        lattice(wide, Guarantee(2))
