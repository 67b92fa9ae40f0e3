import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from casemate.controls.aggregation.question import FORMS, Question, parse_question
from casemate.core.errors import CasemateError

bounds = st.tuples(st.integers(-1000, 1000), st.integers(-1000, 1000)).filter(lambda pair: pair[0] < pair[1])


@pytest.mark.parametrize(
    ("text", "question"),
    [
        ("count", Question("count")),
        ("sum:income:0:100000", Question("sum", "income", 0, 100_000)),
        ("mean:age:-1.5:2", Question("mean", "age", -1.5, 2)),
        ("quantile:age:0:120:0.9", Question("quantile", "age", 0, 120, at=0.9)),
        ("histogram:age:0:120:12", Question("histogram", "age", 0, 120, bins=12)),
    ],
)
def test_reads_every_form_and_writes_it_back(text: str, question: Question) -> None:
    assert parse_question(text) == question
    assert parse_question(str(question)) == question


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("coutn", "Did you mean 'count'"),
        ("sum:income", "has not the form sum:COLUMN:LOW:HIGH"),
        ("sum:income:a:b", "no number"),
        ("sum:income:5:5", "the lower first"),
        ("sum:income:0:inf", "finite"),
        ("sum:income:nan:1", "finite"),
        ("sum::0:1", "needs a column"),
        ("quantile:age:0:1:1", "no quantile"),
        ("histogram:age:0:1:0", "0 bins"),
        ("histogram:age:0:1:2.5", "2.5 bins"),
        ("histogram:age:0:1:1e9", "1e\\+09 bins"),
        ("", "is no question"),
    ],
)
def test_says_what_is_wrong_and_how_it_is_written(text: str, message: str) -> None:
    with pytest.raises(CasemateError, match=message) as error:
        parse_question(text)
    assert error.value.fix


@given(st.text(max_size=30))
def test_any_text_is_a_question_or_a_clear_error(text: str) -> None:
    try:
        kind = parse_question(text).kind
    except CasemateError as told:
        kind = told.fix or ""
    assert kind in FORMS or kind.startswith(("ask one of", "write", "give", *FORMS.values()))


@given(bounds, st.integers(1, 20), st.data())
def test_every_value_within_the_bounds_falls_into_one_bin(
    ends: tuple[int, int], bins: int, data: st.DataObject
) -> None:
    question = Question("histogram", "x", *ends, bins=bins)
    x = np.array(data.draw(st.lists(st.floats(*ends), max_size=50)))
    counted = question.counted(x, np.zeros(len(x), dtype=np.int64), 1)
    assert counted.shape == (1, bins)
    assert counted.sum() == len(x)
    assert len(question.names) == bins == len(question.edges) - 1
    assert question.edges[0] == ends[0]
    assert question.edges[-1] == ends[1]
