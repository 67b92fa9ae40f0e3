from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from casemate.lineage.capture import polars_plan
from casemate.lineage.capture.flow import Frame
from casemate.lineage.capture.polars_plan import read_plan

col = pl.col
PEOPLE = pl.LazyFrame({"a": [1, 2, 3], "b": ["x", "y", "x"], "c": [1.0, 2.0, 3.0], "l": [[1], [2], [3]]})
OTHER = pl.LazyFrame({"b": ["x", "z"], "z": [1, 2]})

Edges = dict[str, set[tuple[str, str]]]


def edges(lazy: pl.LazyFrame) -> Edges:
    """For every column of the result what it owes: pairs of the kind's first letter and the source's column."""

    def resolve(kind: str, told: Any, names: Any) -> Frame:
        assert kind == "DataFrameScan"
        assert told.columns == list(names)
        return Frame.source("people" if "a" in names else "other", names)

    frame = read_plan(lazy, resolve)
    return {
        name: {(kind[0], f"{'' if key == 'people' else 'o.'}{column}") for kind, (key, column), _ in owes.edges()}
        for name, owes in frame.complete().items()
    }


def rows(*decides: str) -> set[tuple[str, str]]:
    return {("i", name) for name in decides}


@pytest.mark.parametrize(
    ("lazy", "expected"),
    [
        (PEOPLE.select("a"), {"a": {("d", "a")}}),
        (PEOPLE.select(x=col("a") + col("c")), {"x": {("d", "a"), ("d", "c")}}),
        (PEOPLE.select("a").rename({"a": "z"}), {"z": {("d", "a")}}),
        (PEOPLE.drop("b", "c", "l"), {"a": {("d", "a")}}),
        (PEOPLE.filter(col("c") > 1).select("a"), {"a": {("d", "a"), *rows("c")}}),
        (PEOPLE.sort("c").select("a"), {"a": {("d", "a"), *rows("c")}}),
        (PEOPLE.unique(["c"]).select("a"), {"a": {("d", "a"), *rows("c")}}),
        (PEOPLE.select("a", "b").unique().select("a"), {"a": {("d", "a"), *rows("a", "b")}}),
        (PEOPLE.drop_nulls("c").select("a"), {"a": {("d", "a"), *rows("c")}}),
        (PEOPLE.top_k(2, by="c").select("a"), {"a": {("d", "a"), *rows("c")}}),
        (PEOPLE.head(2).select("a"), {"a": {("d", "a")}}),
        (PEOPLE.select("a", pl.lit(1).alias("k")), {"a": {("d", "a")}, "k": rows("a")}),
        (PEOPLE.select(pl.when(col("a") > 1).then("c").otherwise(0).alias("x")), {"x": {("d", "c"), *rows("a")}}),
        (PEOPLE.select(x=col("a").sum().over("b", order_by="c")), {"x": {("d", "a"), *rows("b", "c")}}),
        (PEOPLE.select(x=col("a").filter(col("c") > 1)), {"x": {("d", "a"), *rows("c")}}),
        (PEOPLE.select(x=col("a").sort_by("c")), {"x": {("d", "a"), *rows("c")}}),
        (PEOPLE.select(x=pl.struct("a", "b")), {"x": {("d", "a"), ("d", "b")}}),
        (PEOPLE.explode("l").select("a"), {"a": {("d", "a"), *rows("l")}}),
        (PEOPLE.select("a", "c").unpivot(index="a"), None),
        (PEOPLE.with_row_index().select("index"), {"index": rows("a", "b", "c", "l")}),
        (PEOPLE.select(pl.len()), {"len": rows("a", "b", "c", "l")}),
        (
            PEOPLE.group_by("b").agg(col("a").sum().alias("s")),
            {"b": {("d", "b"), *rows("b")}, "s": {("d", "a"), *rows("b")}},
        ),
        (
            PEOPLE.join(OTHER, on="b").select("a", "b", "z"),
            {
                "a": {("d", "a"), *rows("b", "o.b")},
                "b": {("d", "b"), ("d", "o.b"), *rows("b", "o.b")},
                "z": {("d", "o.z"), *rows("b", "o.b")},
            },
        ),
        (PEOPLE.join(OTHER, on="b", how="semi").select("a"), {"a": {("d", "a"), *rows("b", "o.b")}}),
        (PEOPLE.join(OTHER, on="b", how="left").select("z"), {"z": {("d", "o.z"), *rows("b", "o.b")}}),
        (PEOPLE.join(OTHER, how="cross").select("a", "b_right"), {"a": {("d", "a")}, "b_right": {("d", "o.b")}}),
        (pl.concat([PEOPLE.select("b"), OTHER.select("b")]), {"b": {("d", "b"), ("d", "o.b")}}),
        (
            pl.concat([PEOPLE.select("a"), OTHER.select("z")], how="diagonal"),
            {"a": {("d", "a")}, "z": {("d", "o.z")}},
        ),
        (PEOPLE.shift(1).select("a"), {"a": {("d", "a")}}),
        (PEOPLE.select(pl.struct("a").alias("s")).unnest("s"), {"a": {("d", "a")}}),
        (PEOPLE.cache().select("a"), {"a": {("d", "a")}}),
    ],
)
def test_what_columns_owe(lazy: pl.LazyFrame, expected: Edges | None) -> None:
    found = edges(lazy)
    if expected is None:
        expected = {"a": {("d", "a")}, "variable": rows("c"), "value": {("d", "c")}}
    assert found == expected


def python(lazy: pl.LazyFrame) -> pl.LazyFrame:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return lazy.with_columns(d=col("a").map_elements(lambda value: value + 1, return_dtype=pl.Int64))


@pytest.mark.parametrize(
    "lazy",
    [
        python(PEOPLE).select("d"),
        PEOPLE.select(d=col("a").map_batches(lambda series: series)),
        PEOPLE.map_batches(lambda frame: frame.rename({"a": "d"})).select("a"),
        PEOPLE.group_by("b").map_groups(lambda frame: frame, schema=PEOPLE.collect_schema()).select("a"),
        PEOPLE.select(d=pl.fold(0, lambda x, y: x + y, ["a", "c"])),
    ],
)
def test_a_python_function_is_opaque_from_everything(lazy: pl.LazyFrame) -> None:
    (owed,) = edges(lazy).values()
    assert owed == {("o", name) for name in ("a", "b", "c", "l")}


def test_columns_beside_a_python_function_stay_known() -> None:
    assert edges(python(PEOPLE).select("c")) == {"c": {("d", "c")}}


def test_windows_of_time_are_opaque() -> None:
    owed = edges(PEOPLE.sort("a").group_by_dynamic("a", every="2i").agg(col("c").sum()))
    assert ("d", "c") in owed["c"]
    assert {("o", "a"), ("o", "b")} <= owed["a"] & owed["c"]


def test_what_was_done_is_told_in_words() -> None:
    lazy = PEOPLE.with_columns(d=col("a").cast(pl.Float64) * 2).group_by("b").agg(col("d").mean())
    frame = read_plan(lazy, lambda kind, told, names: Frame.source("s", names))
    told = {column: words for kind, (_, column), words in frame.columns["d"].edges() if kind == "direct"}
    assert told == {"a": "cast, operator:multiply, aggregate:mean"}


def test_a_plan_that_is_not_told_is_opaque_and_not_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    def untold(lazy: pl.LazyFrame) -> Any:
        raise AttributeError("visit")

    monkeypatch.setattr(polars_plan, "_traverser", untold)
    asked: list[str] = []

    def resolve(kind: str, told: Any, names: Any) -> Frame:
        asked.append(kind)
        return Frame.source("s", ["a", "b"])

    found = read_plan(PEOPLE.select("a"), resolve)
    assert asked == ["unknown"]
    assert {(kind, ref) for kind, ref, _ in found.complete()["a"].edges()} == {
        ("opaque", ("s", "a")),
        ("opaque", ("s", "b")),
    }


def test_a_step_of_a_later_polars_is_opaque(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(polars_plan.polars_steps.STEPS, "Sort")
    assert edges(PEOPLE.sort("c").select("a")) == {"a": {("o", name) for name in ("a", "b", "c", "l")}}


def test_plans_of_a_thousand_steps_are_read() -> None:
    lazy = PEOPLE.select("a")
    for _ in range(300):
        lazy = lazy.with_columns(col("a") + 1)
    assert edges(lazy) == {"a": {("d", "a")}}


# Soundness: a column that a change of an input can change owes that input, directly, indirectly or opaquely.

Step = Callable[[pl.LazyFrame], pl.LazyFrame]
# Polars leaves the order of rows open where nobody asks for one; here every step asks, so that runs compare.
STEPS: list[tuple[str, Step]] = [
    ("filter", lambda f: f.filter(col("a") > 2)),
    ("filter column", lambda f: f.filter(col("b") == col("b").first())),
    ("sum", lambda f: f.with_columns(a=col("a") + col("c"))),
    ("when", lambda f: f.with_columns(c=pl.when(col("a") > col("c")).then("a").otherwise("c"))),
    ("over", lambda f: f.with_columns(c=col("a").sum().over("b"))),
    ("cumulate", lambda f: f.with_columns(a=col("a").cum_sum())),
    ("rank", lambda f: f.with_columns(c=col("c").rank("ordinal").cast(pl.Int64))),
    ("sort", lambda f: f.sort("c", "a", "b")),
    ("sort head", lambda f: f.sort("c", "a", "b").head(3)),
    ("unique", lambda f: f.unique(["b"], keep="first", maintain_order=True)),
    ("distinct", lambda f: f.unique(maintain_order=True)),
    ("group", lambda f: f.group_by("b", maintain_order=True).agg(col("a").sum(), col("c").max())),
    ("group length", lambda f: f.group_by("b", maintain_order=True).agg(a=pl.len().cast(pl.Int64), c=col("c").min())),
    (
        "join",
        lambda f: f.join(
            f.group_by("a", maintain_order=True).agg(z=col("c").sum()), on="a", how="left", maintain_order="left_right"
        ),
    ),
    (
        "self join",
        lambda f: f.select("a", "b", "c").join(
            f.select("b", "c").unique(maintain_order=True), on="b", maintain_order="left_right"
        ),
    ),
    ("semi", lambda f: f.join(f.filter(col("c") > 1), on="a", how="semi", maintain_order="left")),
    ("concat", lambda f: pl.concat([f, f.with_columns(a=col("c"))])),
    ("rename", lambda f: f.rename({"a": "c", "c": "a"})),
    ("index", lambda f: f.with_row_index("i").with_columns(a=col("i").cast(pl.Int64) + col("a")).drop("i")),
    ("python", lambda f: f.with_columns(c=col("a").map_batches(lambda s: s * 2, return_dtype=pl.Int64))),
    ("frame function", lambda f: f.map_batches(lambda d: d.with_columns(a=pl.col("a") + pl.col("c")))),
    ("constant", lambda f: f.with_columns(b=pl.lit("k"))),
    ("shift", lambda f: f.with_columns(c=col("c").shift(1).fill_null(0))),
    ("explode", lambda f: f.with_columns(l=pl.concat_list("a", "c")).explode("l").with_columns(a="l").drop("l")),
    ("top", lambda f: f.top_k(2, by=["a", "c", "b"]).sort("a", "c", "b")),
]


@given(
    st.lists(st.sampled_from(range(len(STEPS))), min_size=1, max_size=4),
    st.lists(st.tuples(st.integers(0, 5), st.sampled_from("xyz"), st.integers(0, 5)), min_size=3, max_size=7),
    st.sampled_from(["a", "b", "c"]),
    st.data(),
)
@settings(max_examples=120, deadline=None)
def test_what_a_change_of_an_input_can_change_owes_it(
    steps: list[int], table: list[tuple[int, str, int]], changed: str, data: st.DataObject
) -> None:
    frame = pl.DataFrame(table, schema={"a": pl.Int64, "b": pl.String, "c": pl.Int64}, orient="row")
    row = data.draw(st.integers(0, len(table) - 1))
    new = data.draw(st.sampled_from("xyzw") if changed == "b" else st.integers(0, 9))
    values = frame[changed].to_list()
    values[row] = new
    other = frame.with_columns(pl.Series(changed, values))

    def built(source: pl.DataFrame) -> pl.LazyFrame:
        lazy = source.lazy()
        for step in steps:
            lazy = STEPS[step][1](lazy.select("a", "b", "c"))
        return lazy

    before, after = built(frame).collect(), built(other).collect()
    owed = edges(built(frame))
    assert list(owed) == before.columns
    for name in before.columns:
        if not before[name].equals(after[name], null_equal=True):
            assert changed in {column for _, column in owed[name]}, (name, [STEPS[s][0] for s in steps])
