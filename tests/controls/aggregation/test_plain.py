import polars as pl
import pytest

from casemate.controls.aggregation.plain import plain_answer
from casemate.controls.aggregation.question import parse_question
from casemate.core.errors import CasemateError, EmptyData


def asked(table: pl.DataFrame, *questions: str, by=(), subject=None, least=3):
    return plain_answer(table, [parse_question(text) for text in questions], by=by, subject=subject, least=least)


def cities(**sizes: int) -> pl.DataFrame:
    rows = [(city, place) for city, size in sizes.items() for place in range(size)]
    return pl.DataFrame({"city": [c for c, _ in rows], "x": [float(x) for _, x in rows]})


def test_figures_are_exact():
    made, hidden = asked(
        cities(a=10, b=5),
        "count",
        "sum:x:0:100",
        "mean:x:0:100",
        "quantile:x:0:100:0.5",
        "histogram:x:0:10:2",
        by=["city"],
    )
    assert hidden == 0
    assert made.to_dicts()[1] == {
        "city": "b",
        "count": 5,
        "sum of x": 10.0,
        "mean of x": 2.0,
        "0.5 quantile of x": 2.0,
        "x 0..5": 5,
        "x 5..10": 0,
    }


def test_small_groups_are_left_out():
    made, hidden = asked(cities(a=10, b=2, c=1, d=5), "count", by=["city"])
    assert made["city"].to_list() == ["a", "d"]
    assert hidden == 2


def test_one_small_group_alone_takes_another_with_it():
    made, hidden = asked(cities(a=10, b=2, d=5), "count", by=["city"])
    assert made["city"].to_list() == ["a"]
    assert hidden == 2


def test_people_count_and_not_rows():
    table = cities(a=10, b=10).with_columns(person=pl.Series([1] * 9 + [2] + list(range(10, 20))))
    made, hidden = asked(table, "count", by=["city"], subject="person")
    assert hidden == 2  # a has two people in ten rows, and takes b with it
    assert made.height == 0


def test_no_rows_and_no_questions_are_errors():
    with pytest.raises(EmptyData):
        asked(cities(), "count")
    with pytest.raises(CasemateError, match="nothing is asked"):
        asked(cities(a=3))
