from __future__ import annotations

from decimal import Decimal

import numpy as np
import polars as pl
import pytest

from casemate.controls.encrypted_aggregation.contributing import Contributor
from casemate.controls.encrypted_aggregation.identity import Identity
from casemate.controls.encrypted_aggregation.questions import EncryptedQuestion
from casemate.core.errors import NotEnrolled, OutOfRange, ShapeMismatch
from encrypted_rounds import Round, new_round

QUESTIONS = (
    EncryptedQuestion("count"),
    EncryptedQuestion("mean", "age", Decimal(0), Decimal(100)),
    EncryptedQuestion("histogram", "region", categories=("north", "south")),
    EncryptedQuestion("sum", "update", Decimal(-1), Decimal(1), Decimal("0.5"), length=2),
)


@pytest.fixture(scope="module")
def people() -> Round:
    return new_round(3, questions=QUESTIONS, rows=4)


def test_rows_of_a_client_are_added_up_before_they_are_encrypted(people: Round) -> None:
    table = {
        "age": [20, np.nan, 40],
        "region": ["north", "south", None],
        "update": [[1, -1], [0.5, 0], [0, 0.5]],
        "unasked": ["x", "y", "z"],
    }
    numbers = [part.tolist() for part in people.contributor(0).numbers(table)]
    assert numbers == [[3], [60], [2], [1, 1], [3, -1]]


def test_data_frames_are_tables_too(people: Round) -> None:
    frame = pl.DataFrame(
        {
            "age": [20, None],
            "region": ["north", None],
            "update": pl.Series([[1.0, 0.0], [0.0, 0.5]], dtype=pl.Array(float, 2)),
        }
    )
    numbers = [part.tolist() for part in people.contributor(0).numbers(frame)]  # type: ignore[arg-type]
    assert numbers == [[2], [20], [1], [1, 0], [2, 1]]


def test_one_row_may_be_given_without_lists(people: Round) -> None:
    numbers = people.contributor(0).numbers({"age": 20, "region": "south", "update": [0.5, 1.0]})
    assert [part.tolist() for part in numbers] == [[1], [20], [1], [0, 1], [1, 2]]


@pytest.mark.parametrize(
    ("table", "error"),
    [
        ({}, ShapeMismatch),
        ({"age": [1, 2], "region": ["north"], "update": [[0, 0]]}, ShapeMismatch),
        ({"age": [1] * 5, "region": ["north"] * 5, "update": [[0, 0]] * 5}, ShapeMismatch),
        ({"age": [1], "region": ["north"], "update": [[0, 0], [0]]}, ShapeMismatch),
        ({"age": [101], "region": ["north"], "update": [[0, 0]]}, OutOfRange),
    ],
)
def test_tables_that_the_plan_does_not_allow_are_refused(
    people: Round, table: dict[str, object], error: type[Exception]
) -> None:
    with pytest.raises(error):
        people.contributor(0).encrypt(table)


def test_whoever_the_plan_does_not_name_cannot_contribute(people: Round) -> None:
    for identity in (Identity.new("stranger"), Identity.new("client0")):
        with pytest.raises(NotEnrolled):
            Contributor(people.key, identity)


def test_the_same_numbers_are_encrypted_anew_each_time(people: Round) -> None:
    table = {"age": 20, "region": "south", "update": [0.5, 1.0]}
    one, other = (people.contributor(0).encrypt(table) for _ in range(2))
    assert len(one) == len(other)
    assert one != other
    body = slice(100, -64)
    same = np.mean(np.frombuffer(one[body], np.uint8) == np.frombuffer(other[body], np.uint8))
    assert same < 0.02  # 1 / 256 by chance
