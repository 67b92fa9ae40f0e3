"""Answers are tested for their promise: noise of the declared scale, one person's bound, groups that tell nothing."""

import math

import numpy as np
import polars as pl
import pytest

from casemate.controls.aggregation import noise
from casemate.controls.aggregation.bounding import bounded, numbers
from casemate.controls.aggregation.private import ERROR, Loss, answer
from casemate.controls.aggregation.question import parse_question
from casemate.core.errors import CasemateError, EmptyData, ExtraMissing, NotFinite, OutOfRange, TargetMissing

SURE = Loss(epsilon=1e4)  # next to no noise: figures are then those of the data


def people(rows: int = 600) -> pl.DataFrame:
    rng = np.random.default_rng(0)
    return pl.DataFrame(
        {
            "person": np.arange(rows) // 2,  # two rows each
            "sex": rng.choice(["f", "m"], rows),
            "age": rng.integers(0, 100, rows),
            "income": rng.uniform(0, 50_000, rows),
        }
    )


def asked(*questions: str, loss: Loss = SURE, by: tuple[str, ...] = (), values=None, subject=None, table=None):
    return answer(
        people() if table is None else table,
        [parse_question(question) for question in questions],
        by=by,
        values=values,
        subject=subject,
        loss=loss,
    )


def test_without_noise_figures_are_those_of_the_data():
    table = people()
    made = asked(
        "count",
        "sum:income:0:50000",
        "mean:age:0:100",
        "quantile:age:0:100:0.5",
        "histogram:age:0:100:4",
        by=("sex",),
        values={"sex": ["f", "m", "x"]},
    ).table
    assert made["sex"].to_list() == ["f", "m", "x"]
    for row, sex in enumerate(["f", "m"]):
        group = table.filter(pl.col("sex") == sex)
        assert abs(made["count"][row] - group.height) <= 1
        assert made["sum of income"][row] == pytest.approx(group["income"].sum(), rel=1e-3)
        assert made["mean of age"][row] == pytest.approx(group["age"].mean(), abs=0.1)
        assert made["0.5 quantile of age"][row] == pytest.approx(group["age"].median(), abs=1)
        assert made["age 25..50"][row] == pytest.approx(group.filter(pl.col("age").is_between(25, 49)).height, abs=1)
    assert made["count"][2] == 0


def test_noise_has_the_scale_that_the_loss_asks_for():
    loss = Loss(epsilon=0.5, contributions=2)
    draws = [asked("count", loss=loss, subject="person") for _ in range(400)]
    error = draws[0].errors["count"]
    assert error == pytest.approx(ERROR * 2 / 0.5, rel=1e-6)
    off = np.array([made.table["count"][0] - 600 for made in draws])
    assert np.mean(np.abs(off)) == pytest.approx(2 / 0.5, rel=0.2)  # the mean of |Laplace| is its scale
    assert np.mean(np.abs(off) > error) == pytest.approx(0.05, abs=0.04)


def test_questions_share_the_budget():
    loss = Loss(epsilon=1.0)
    alone = asked("count", loss=loss).errors["count"]
    with_mean = asked("count", "mean:age:0:100", loss=loss).errors["count"]
    assert with_mean == pytest.approx(3 * alone)  # a mean takes two parts


def test_one_person_counts_as_often_as_allowed():
    table = pl.DataFrame({"person": [1] * 50 + [2, 3], "age": [5] * 52})
    assert bounded(table, "person", 1).height == 3
    assert bounded(table, "person", 10).height == 12
    assert bounded(table, None, 1).height == 52


def test_which_rows_of_a_person_are_kept_is_drawn():
    table = pl.DataFrame({"person": [1] * 50, "age": range(50)})
    assert len({bounded(table, "person", 1)["age"][0] for _ in range(40)}) > 5


def test_rows_of_nobody_are_left_out():
    assert bounded(pl.DataFrame({"person": [1, None], "age": [1, 2]}), "person", 1)["age"].to_list() == [1]


def test_values_outside_the_bounds_count_as_the_end():
    table = pl.DataFrame({"x": [-1e9, 0.0, 1e9]})
    assert numbers(table, parse_question("sum:x:-1:2")).tolist() == [-1, 0, 2]
    assert asked("sum:x:-1:2", table=table).table["sum of x"][0] == pytest.approx(1, abs=0.1)


def test_missing_values_are_left_out():
    table = pl.DataFrame({"x": [1.0, None, 3.0] * 100})
    assert asked("mean:x:0:10", table=table).table["mean of x"][0] == pytest.approx(2, abs=0.1)


def test_groups_found_in_the_data_need_a_delta_and_hide_small_ones():
    table = pl.DataFrame({"city": ["A"] * 500 + ["B"] * 400 + ["hamlet"]})
    with pytest.raises(CasemateError, match="needs a delta above 0"):
        asked("count", by=("city",), table=table)
    made = asked("count", by=("city",), table=table, loss=Loss(2.0, 1e-6))
    assert made.table["city"].to_list() == ["A", "B"]
    assert made.spent == Loss(2.0, 1e-6)


def test_a_group_of_one_person_is_shown_with_probability_at_most_delta():
    delta = 0.05
    shown = [len(noise.frequent(np.array([1]), 1, 1.0, delta)) for _ in range(1500)]
    assert np.mean(shown) <= delta + 3 * math.sqrt(delta * (1 - delta) / len(shown))
    assert np.mean(shown) > 0  # the threshold is not far higher than it need be


def test_values_named_in_advance_need_no_delta():
    assert asked("count", by=("sex",), values={"sex": ["f", "m"]}, loss=Loss(1.0, 0.5)).spent.delta == 0


def test_values_for_one_column_only_are_refused():
    with pytest.raises(CasemateError, match="and none for 'age'"):
        asked("count", by=("sex", "age"), values={"sex": ["f"]})


def test_too_many_groups_are_refused_before_they_are_made():
    many = [str(index) for index in range(1000)]
    with pytest.raises(CasemateError, match="1000000 groups"):
        asked("count", by=("sex", "age"), values={"sex": many, "age": many})


@pytest.mark.parametrize(
    ("table", "question", "error"),
    [
        (pl.DataFrame({"x": [1.0]}), "sum:y:0:1", TargetMissing),
        (pl.DataFrame({"x": ["a"]}), "sum:x:0:1", OutOfRange),
        (pl.DataFrame({"x": [math.inf]}), "sum:x:0:1", NotFinite),
        (pl.DataFrame({"x": pl.Series([], dtype=pl.Float64)}), "sum:x:0:1", EmptyData),
    ],
)
def test_bad_data_is_told(table: pl.DataFrame, question: str, error: type[Exception]):
    with pytest.raises(error):
        asked(question, table=table)


def test_nothing_asked_is_an_error():
    with pytest.raises(CasemateError, match="nothing is asked"):
        asked()


def test_says_which_extra_is_missing(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(__import__("sys").modules, "opendp.prelude", None)
    with pytest.raises(ExtraMissing, match="OpenDP"):
        asked("count")
