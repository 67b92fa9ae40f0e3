from __future__ import annotations

from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from casemate.controls.aggregation.question import parse_question
from casemate.controls.encrypted_aggregation.questions import EncryptedQuestion, encrypted_question
from casemate.core.errors import NotFinite, OutOfRange, ShapeMismatch, TargetMissing

AGE = EncryptedQuestion("mean", "age", Decimal(18), Decimal(100))
BANDS = EncryptedQuestion("histogram", "age", edges=(0.0, 18.0, 65.0, 120.0))
REGION = EncryptedQuestion("histogram", "region", categories=("north", "south"))
MODEL = EncryptedQuestion("sum", "update", Decimal(-1), Decimal(1), Decimal("0.25"), length=3)


def contributed(question: EncryptedQuestion, values: object, rows: int) -> list[list[int]]:
    return [part.tolist() for part in question.contribution({question.column: np.asarray(values)}, rows)]


def test_values_become_whole_steps_and_missing_ones_count_for_nothing() -> None:
    assert contributed(AGE, [20.4, np.nan, 99.6], 3) == [[120], [2]]
    assert contributed(BANDS, [0.0, 17.9, 18.0, 120.0, np.nan], 5) == [[2, 1, 1]]
    assert contributed(REGION, np.array(["south", None, "south", float("nan")], object), 4) == [[0, 2]]
    assert contributed(MODEL, [0.25, -1.0, 0.1], 1) == [[1, -4, 0]]
    assert contributed(MODEL, [[0.25, -1, 0.1], [0.5, 1, 1]], 2) == [[3, 0, 4]]
    assert EncryptedQuestion("count").contribution({}, 7)[0].tolist() == [7]


@pytest.mark.parametrize(
    ("question", "values", "rows", "error", "told"),
    [
        (AGE, [17.99], 1, OutOfRange, "outside 18 to 100"),
        (AGE, [np.inf], 1, NotFinite, "not finite"),
        (AGE, [[20.0, 21.0]], 1, ShapeMismatch, "shape"),
        (AGE, ["old"], 1, OutOfRange, "no numbers"),
        (BANDS, [120.5], 1, OutOfRange, "outside 0 to 120"),
        (REGION, np.array(["west"], object), 1, OutOfRange, "none of its 2 categories"),
        (REGION, [1.0], 1, OutOfRange, "none of its 2 categories"),
        (MODEL, [0.0, np.nan, 0.0], 1, NotFinite, "not finite"),
        (MODEL, [0.0, 0.0], 1, ShapeMismatch, "shape"),
    ],
)
def test_values_outside_what_was_declared_are_refused(
    question: EncryptedQuestion, values: object, rows: int, error: type[Exception], told: str
) -> None:
    with pytest.raises(error, match=told):
        contributed(question, values, rows)


def test_the_refused_value_itself_is_not_told() -> None:
    with pytest.raises(OutOfRange) as raised:
        contributed(AGE, [117.25], 1)
    assert "117" not in str(raised.value)
    with pytest.raises(OutOfRange) as raised:
        contributed(REGION, np.array(["secret"], object), 1)
    assert "secret" not in str(raised.value)


def test_a_missing_column_names_the_nearest() -> None:
    with pytest.raises(TargetMissing, match="Did you mean 'ages'"):
        AGE.contribution({"ages": np.zeros(1)}, 1)


@pytest.mark.parametrize(
    "question",
    [
        EncryptedQuestion("count", "age"),
        EncryptedQuestion("sum"),
        EncryptedQuestion("sum", "x", Decimal(1), Decimal(1)),
        EncryptedQuestion("sum", "x", Decimal(0), Decimal(1), Decimal("0.3")),
        EncryptedQuestion("sum", "x", Decimal(0), Decimal(1), Decimal(0)),
        EncryptedQuestion("sum", "x", Decimal(0), Decimal("NaN")),
        EncryptedQuestion("sum", "x", Decimal(0), Decimal("1e9999")),
        EncryptedQuestion("sum", "x", Decimal(0), Decimal("1e20")),
        EncryptedQuestion("sum", "x", Decimal(0), Decimal(1), length=0),
        EncryptedQuestion("histogram", "x"),
        EncryptedQuestion("histogram", "x", edges=(0.0, 1.0), categories=("a",)),
        EncryptedQuestion("histogram", "x", edges=(0.0,)),
        EncryptedQuestion("histogram", "x", edges=(0.0, float("inf"))),
        EncryptedQuestion("histogram", "x", edges=(1.0, 0.0)),
        EncryptedQuestion("histogram", "x", categories=("a", "a")),
        EncryptedQuestion("histogram", "x", categories=("a",), length=2),
    ],
)
def test_questions_without_an_answer_are_refused(question: EncryptedQuestion) -> None:
    with pytest.raises(OutOfRange):
        question.check()


@given(
    st.tuples(*[st.decimals() | st.decimals(-100, 100, places=3)] * 3),
    st.integers(-5, 1 << 70),
    st.integers(1, 1 << 40),
)
def test_whatever_is_asked_is_refused_or_has_bounds(
    numbers: tuple[Decimal, Decimal, Decimal], length: int, rows: int
) -> None:
    question = EncryptedQuestion("mean", "x", *numbers, length)
    try:
        question.check()
    except OutOfRange:
        return
    for fields in question.fields(rows):
        assert 1 <= fields.count <= length and fields.spread >= 1 and fields.l1 >= fields.l2 > 0


def test_plain_questions_can_be_asked_under_encryption() -> None:
    asked = encrypted_question(parse_question("sum:income:0:100000"), Decimal("0.01"))
    assert (asked.kind, asked.low, asked.high, asked.step) == ("sum", Decimal(0), Decimal(100000), Decimal("0.01"))
    assert encrypted_question(parse_question("histogram:age:0:90:3")).edges == (0.0, 30.0, 60.0, 90.0)
    assert encrypted_question(parse_question("count")).names == ("count",)
    with pytest.raises(OutOfRange, match="histogram:age:0:90:BINS"):
        encrypted_question(parse_question("quantile:age:0:90:0.5"))


@given(
    low=st.integers(-50, 50),
    width=st.integers(1, 100),
    step=st.sampled_from(["1", "0.01", "0.5", "0.1", "3", "0.007"]),
    rows=st.integers(1, 5),
    data=st.data(),
)
def test_contributions_stay_within_the_fields_that_were_planned_for(
    low: int, width: int, step: str, rows: int, data: st.DataObject
) -> None:
    size = Decimal(step)
    question = EncryptedQuestion("mean", "x", low * size, (low + width) * size, size)
    question.check()
    inside = st.floats(float(question.low), float(question.high)) | st.just(float("nan"))
    values = np.array(data.draw(st.lists(inside, min_size=rows, max_size=rows)))
    for part, fields in zip(question.contribution({"x": values}, rows), question.fields(rows), strict=True):
        assert part.shape == (fields.count,)
        assert (part >= fields.lowest).all() and (part <= fields.lowest + fields.spread).all()


def test_one_client_changes_fields_by_no_more_than_they_say() -> None:
    rng = np.random.default_rng(0)
    for question in (AGE, BANDS, REGION, MODEL):
        rows = 1 if question is MODEL else 3
        seen = []
        for _ in range(60):
            if question is REGION:
                values = rng.choice(np.array(["north", "south", None], object), rows)
            elif question is MODEL:
                values = rng.choice([-1.0, 1.0], (rows, 3))
            else:
                values = rng.choice([18.0, 100.0, np.nan], rows)
            seen.append(question.contribution({question.column: values}, rows))
        for place, fields in enumerate(question.fields(rows)):
            parts = np.array([one[place] for one in seen])
            moved = (parts[:, None] - parts[None]).reshape(-1, fields.count)
            assert np.abs(moved).sum(axis=1).max() == fields.l1  # reached, and never exceeded
            assert np.sqrt((moved**2).sum(axis=1)).max() == pytest.approx(fields.l2)


def test_figures_are_exact_decimals() -> None:
    (figure,) = EncryptedQuestion("sum", "x", Decimal(0), Decimal(1), Decimal("0.1")).figures([np.array([3])])
    assert figure.exact == (Decimal("0.3"),)
    assert figure.values == pytest.approx([0.3])
    (mean,) = AGE.figures([np.array([90]), np.array([2])])
    assert mean.values.tolist() == [45.0]
    assert mean.exact == ()
    assert [figure.name for figure in BANDS.figures([np.array([1, 2, -3])])] == [
        "age 0..18",
        "age 18..65",
        "age 65..120",
    ]
    assert BANDS.figures([np.array([1, 2, -3])])[2].values.tolist() == [0.0]
