"""The controls on released tables: what they publish, in which order they may stand, and what they refuse."""

import datetime
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from casemate.controls import find
from casemate.controls.privacy.date_shift import DateShift, shifted, shifts
from casemate.controls.privacy.mondrian import Mondrian
from casemate.controls.privacy.pseudonyms import Pseudonyms
from casemate.controls.privacy.rounding import Rounding, multiple_for, rounded
from casemate.controls.privacy.suppression import Suppression
from casemate.controls.privacy.top_bottom import TopBottom, clipped, middle_range
from casemate.core.control import Control, ReleaseFitting, configure
from casemate.core.errors import (
    CasemateError,
    ControlFailed,
    DataError,
    DataMissing,
    DataUnreadable,
    EmptyData,
    OutOfRange,
    ShapeMismatch,
    SystemFileError,
)
from casemate.core.reading import places
from casemate.core.release import Release
from casemate.core.schema import Role

ROLES: dict[str, Role] = {
    "name": "identifier",
    "age": "quasi-identifier",
    "income": "quasi-identifier",
    "city": "quasi-identifier",
    "illness": "sensitive",
}
BLURRING = ("privacy.mondrian", "privacy.bands", "privacy.microaggregation")


def people(n: int = 200, seed: int = 0) -> Release:
    rng = np.random.default_rng(seed)
    table = pl.DataFrame(
        {
            "name": [f"person {number}" for number in range(n)],
            "age": pl.Series(rng.integers(18, 90, n)).set(pl.Series(rng.random(n) < 0.1), None),
            "income": rng.lognormal(10, 1, n).round(2),
            "born": [
                datetime.date(1950, 1, 1) + datetime.timedelta(days=int(day)) for day in rng.integers(0, 20000, n)
            ],
            "city": rng.choice(["Oslo", "Rome", "Lima", "Bonn"], n),
            "illness": rng.choice(["flu", "cold", "gout"], n),
        }
    )
    return Release(table, {**ROLES, "born": "quasi-identifier"}, np.arange(n))


def released(control: Control, raw: Release, seed: int = 1) -> Release:
    return control.on_release(raw, ReleaseFitting(raw, np.random.default_rng(seed), seed))


def made(id: str, **options: Any) -> Control:
    return configure(find(id), {key.replace("_", "-"): value for key, value in options.items()})


def check_meanings(raw: Release, given: Release) -> None:
    """Whatever a published value stands for holds the raw value of its row."""
    for name, meanings in given.meanings.items():
        texts = given.table[name].cast(pl.String).fill_null("").to_list()
        label = np.array([meanings.labels.index(text) for text in texts])
        left, right = places(raw.table[name].gather(given.rows), meanings.domain)
        assert ((meanings.low[label] <= right) & (left <= meanings.high[label])).all(), name


@pytest.mark.parametrize("id", BLURRING)
@pytest.mark.parametrize("k", [2, 7])
def test_every_row_looks_like_k_others(id: str, k: int) -> None:
    raw = people()
    given = released(made(id, k=k), raw)
    names = list(given.columns("quasi-identifier"))
    assert given.table.group_by(names).len()["len"].min() >= k
    assert given.table.columns == raw.table.columns
    assert given.table.select("name", "illness").equals(raw.table.select("name", "illness")[given.rows])
    assert len(given) >= 0.98 * len(raw)
    check_meanings(raw, given)


@pytest.mark.parametrize("id", ["privacy.mondrian", "privacy.bands"])
@pytest.mark.parametrize("asked", [{"l": 3}, {"l": 2, "l_kind": "entropy"}, {"t": 0.3}])
def test_sensitive_values_are_diverse_or_near(id: str, asked: dict[str, Any]) -> None:
    raw = people()
    given = released(made(id, k=2, **asked), raw)
    whole = raw.table["illness"].value_counts().sort("illness")["count"].to_numpy() / len(raw)
    for _, group in given.table.group_by(list(given.columns("quasi-identifier"))):
        shares = np.array([(group["illness"] == word).mean() for word in ("cold", "flu", "gout")])
        some = shares[shares > 0]
        assert len(some) >= asked.get("l", 1)
        if "l_kind" in asked:
            assert np.exp(-(some * np.log(some)).sum()) >= 2 - 1e-6
        assert np.abs(shares - whole).sum() / 2 <= asked.get("t", 1) + 1e-9


def test_tight_ranges_are_an_option() -> None:
    raw = people()
    loose, tight = (released(made("privacy.mondrian", ranges=ranges), raw) for ranges in ("loose", "tight"))
    for name in ("age", "income"):
        assert loose.meanings[name].sizes.mean() > tight.meanings[name].sizes.mean()


@pytest.mark.parametrize("id", BLURRING)
def test_controls_stand_in_any_order_before_a_blur(id: str) -> None:
    raw = people()
    given = released(made("privacy.rounding", columns={"income": 5000}), raw)
    given = released(made("privacy.top-bottom", columns={"age": (25, 70)}), given)
    given = released(made("privacy.date-shift", days=20), given)
    check_meanings(raw, given)
    given = released(made(id, k=4), given)
    assert given.table.group_by(list(given.columns("quasi-identifier"))).len()["len"].min() >= 4
    check_meanings(raw, given)
    given = released(made("privacy.pseudonyms"), given)
    assert given.pseudonyms == {"name": "hmac-sha256"}


def test_hierarchies_come_from_options_and_files(tmp_path: Path) -> None:
    rows = [["Oslo", "north", "*"], ["Rome", "south", "*"], ["Lima", "south", "*"], ["Bonn", "north", "*"]]
    inline = made("privacy.mondrian", k=5, columns={"city": {"rows": rows}})
    (tmp_path / "cities.csv").write_text("\n".join(";".join(row) for row in rows))
    named = made("privacy.mondrian", k=5, columns={"city": {"hierarchy": "cities.csv"}})
    read = named.beside(tmp_path)
    assert read.digest() == inline.digest() != named.digest()
    given = released(read, people())
    assert set(given.table["city"].unique()) <= {"Oslo", "Rome", "Lima", "Bonn", "north", "south", "*"}
    assert given.digest == released(inline, people()).digest
    with pytest.raises(DataMissing):
        named.beside(tmp_path / "elsewhere")
    (tmp_path / "cities.csv").write_text("Oslo;north\nRome;south\nLima;south\nOslo;west")
    with pytest.raises(DataUnreadable, match="two rows"):
        released(named.beside(tmp_path), people())


@pytest.mark.parametrize("id", BLURRING)
def test_refuses_tables_that_cannot_be_blurred(id: str) -> None:
    raw = people(20)
    with pytest.raises(EmptyData):
        released(made(id), Release(raw.table.clear(), raw.roles, np.arange(0)))
    with pytest.raises(DataError, match="k is 21"):
        released(made(id, k=21), raw)
    with pytest.raises(ControlFailed, match="no quasi-identifier"):
        released(made(id), replace(raw, roles={"name": "identifier"}))
    with pytest.raises(ControlFailed, match="holds pseudonyms"):
        released(made(id), replace(raw, pseudonyms={"city": "hmac-sha256"}))
    with pytest.raises(ShapeMismatch, match="'citty' is no quasi-identifier of the table. Did you mean 'city'"):
        released(made(id, columns={"citty": {}}), raw)
    mixed = raw.table.with_columns(city=pl.Series([["a"]] * 20))
    with pytest.raises(DataUnreadable, match="holds List"):
        released(made(id), replace(raw, table=mixed))


@pytest.mark.parametrize("id", BLURRING)
def test_a_column_of_nothing_but_missing_values(id: str) -> None:
    raw = people(30)
    given = released(made(id, k=3), replace(raw, table=raw.table.with_columns(city=pl.lit(None, dtype=pl.String))))
    assert set(given.table["city"].to_list()) <= {None, "*"}


def test_options_that_no_guarantee_could_have() -> None:
    for options in ({"k": 0}, {"l": 0}, {"t": 1.5}, {"noise": 0.5}, {"l_kind": "any"}):
        with pytest.raises(SystemFileError):
            made("privacy.mondrian", **options)


def test_rows_that_look_like_too_few_others_are_left_out() -> None:
    table = pl.DataFrame({"job": ["cook", "cook", "mayor", "cook"], "town": ["a", "a", "a", "b"], "n": [1, 2, 3, 4]})
    raw = Release(table, {"job": "quasi-identifier", "town": "quasi-identifier"}, np.arange(4))
    given = released(Suppression(k=2, max_suppression=0.5), raw)
    assert given.rows.tolist() == [0, 1]
    assert given.table["n"].to_list() == [1, 2]
    given = released(Suppression(k=2, max_suppression=0.5, columns=("town",)), raw)
    assert given.table.columns == ["job", "n"]
    assert given.rows.tolist() == [0, 1, 3]
    with pytest.raises(ControlFailed, match="50.0% of the rows look like fewer than 1 others"):
        released(Suppression(k=2, max_suppression=0.4), raw)
    with pytest.raises(ShapeMismatch, match="Did you mean 'town'"):
        released(Suppression(columns=("twon",)), raw)
    assert released(Suppression(), replace(raw, roles={})).table.equals(table)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(-(10**6), 10**6) | st.none(), min_size=1), st.integers(1, 1000), st.integers(1, 4))
def test_whole_numbers_are_rounded_to_the_nearest_multiple(values: list[int | None], to: int, size: int) -> None:
    column = pl.Series("x", values, dtype=pl.Int64)
    after = rounded(column, to)
    for value, near in zip(values, after.to_list(), strict=True):
        assert (value is None) == (near is None)
        if value is not None and near is not None:
            assert near % to == 0
            assert -to / 2 < near - value <= to / 2 or 2 * abs(near - value) == to
    batches = [rounded(column[start : start + size], to) for start in range(0, len(column), size)]
    assert pl.concat(batches).equals(after)


def test_fractions_are_rounded_without_a_trace_of_binary() -> None:
    assert rounded(pl.Series([0.14, 0.27, None]), 0.1).to_list() == [0.1, 0.3, None]
    assert rounded(pl.Series([1, 2, 3]), 2.5).to_list() == [0.0, 2.5, 2.5]
    assert rounded(pl.Series([1234.5]), 1000).to_list() == [1000.0]
    assert rounded(pl.Series([0.00012]), 0.0001).to_list() == [0.0001]
    with pytest.raises(DataUnreadable, match="not numbers"):
        rounded(pl.Series("city", ["a"]), 10)


def test_round_multiples_are_found_for_numbers() -> None:
    assert multiple_for(pl.Series([0, 100]), 20) == 5
    assert multiple_for(pl.Series([0.0, 1.0, None, float("inf")]), 20) == 0.05
    assert multiple_for(pl.Series([3, 3]), 20) == 1
    raw = people()
    given = released(Rounding(columns={"age": 10}), raw)
    assert set(given.table["age"].drop_nulls().to_list()) <= set(range(20, 100, 10))
    assert given.table["income"].n_unique() <= 21
    assert given.table["city"].equals(raw.table["city"])
    check_meanings(raw, given)
    alone = released(Rounding(columns={"age": 10}, steps=0), raw)
    assert alone.table["income"].equals(raw.table["income"])
    assert "income" not in alone.meanings


def test_extremes_become_the_ends() -> None:
    assert clipped(pl.Series([1, 50, 99, None]), 18, 90).to_list() == [18, 50, 90, None]
    assert clipped(pl.Series([1, 50], dtype=pl.UInt8), -5, 20).to_list() == [1, 20]
    assert clipped(pl.Series([1, 50]), 2.5, 20).to_list() == [2.5, 20.0]
    with pytest.raises(OutOfRange, match="from 90 to 18"):
        clipped(pl.Series([1]), 90, 18)
    with pytest.raises(OutOfRange):
        clipped(pl.Series([1.0]), float("nan"), 18)
    assert middle_range(pl.Series(range(101)), 0.05) == (5.0, 95.0)
    assert middle_range(pl.Series([None], dtype=pl.Int64), 0.05) == (0.0, 0.0)
    raw = people()
    given = released(TopBottom(columns={"age": (30, 60)}, share=0.05), raw)
    assert given.table["age"].min() == 30
    assert given.table["age"].max() == 60
    assert given.table["income"].max() < raw.table["income"].max()  # type: ignore[operator]
    check_meanings(raw, given)


@pytest.mark.parametrize("control", [Rounding(columns={"agee": 5}), TopBottom(columns={"agee": (1, 2)})])
def test_columns_that_are_not_there(control: Control) -> None:
    with pytest.raises(ShapeMismatch, match="Did you mean 'age'"):
        released(control, people(20))


def test_all_dates_of_a_person_move_together() -> None:
    day = datetime.date(2020, 2, 28)
    table = pl.DataFrame(
        {
            "who": ["a", "b", "a", None],
            "in": [day, day, day, None],
            "out": [datetime.datetime(2020, 3, 2, 12)] * 4,
            "text": ["2020-02-28", None, "2020-02-28", "2020-02-28"],
        }
    )
    raw = Release(table, {"who": "identifier", "in": "quasi-identifier"}, np.arange(4))
    given = released(DateShift(days=30), raw)
    moved = (given.table["in"] - table["in"]).dt.total_days().to_list()
    assert moved[0] == moved[2]
    assert moved[3] is None
    assert (given.table["out"] - table["out"]).dt.total_days().to_list()[:3] == moved[:3]
    assert given.table.schema == table.schema
    assert given.table["text"].equals(table["text"])
    check_meanings(raw, given)
    named = released(DateShift(days=30, columns=("text",)), raw)
    assert named.table["text"][0] == named.table["text"][2] == str(day + datetime.timedelta(days=moved[0]))
    check_meanings(raw, named)
    later = released(DateShift(days=30), raw, seed=2)
    assert not later.table["in"].equals(given.table["in"])
    key = b"k" * 32
    assert released(DateShift(key=key), raw, 1).digest == released(DateShift(key=key), raw, 2).digest


def test_dates_move_by_every_number_of_days_alike() -> None:
    moved = shifts(pl.Series(range(7000)), b"key" * 8, 3)
    counts = np.bincount(moved.to_numpy() + 3, minlength=7)
    assert len(counts) == 7
    assert counts.min() > 850
    assert moved.equals(shifts(pl.Series([str(number) for number in range(7000)]), b"key" * 8, 3))


def test_refuses_what_is_no_date() -> None:
    with pytest.raises(DataUnreadable, match="'soon' is no date") as caught:
        shifted(pl.Series("born", ["2020-01-01", "soon"]), pl.Series([1, 1]))
    assert caught.value.where == "column 'born', row 2"
    with pytest.raises(OutOfRange):
        shifts(pl.Series([1]), b"key", 0)
    raw = people(20)
    with pytest.raises(ControlFailed, match="no column of dates"):
        released(DateShift(), raw.drop("born"))
    with pytest.raises(ShapeMismatch, match="Did you mean 'name'"):
        released(DateShift(subject="naem"), raw)


def test_stand_ins_for_identifiers() -> None:
    raw = people(20)
    given = released(Pseudonyms(), raw)
    assert given.table["name"].n_unique() == 20
    assert not set(given.table["name"]) & set(raw.table["name"])
    assert given.roles == raw.roles
    assert given.digest == released(Pseudonyms(), raw).digest != released(Pseudonyms(), raw, seed=2).digest
    master = bytes(range(32))
    kept = Pseudonyms(kind="aes-siv", master=master, dataset="people", purpose="report")
    assert released(kept, raw, 1).digest == released(kept, raw, 2).digest
    other = released(replace(kept, purpose="research"), raw)
    assert not set(other.table["name"]) & set(released(kept, raw).table["name"])
    assert released(Pseudonyms(columns=("city",)), raw).pseudonyms == {"city": "hmac-sha256"}
    for control, said in (
        (Pseudonyms(columns=("age",)), "was blurred before"),
        (Pseudonyms(columns=("nmae",)), "Did you mean 'name'"),
    ):
        with pytest.raises(CasemateError, match=said):
            released(control, released(Mondrian(), raw))
    with pytest.raises(ControlFailed, match="no identifier"):
        released(Pseudonyms(), raw.drop("name"))
