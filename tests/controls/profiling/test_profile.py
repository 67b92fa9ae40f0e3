"""Profiles of whole tables: figures exact, subject and target heeded, nothing of the values kept; odd tables too."""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np
import polars as pl
import pytest

from casemate.controls.profiling import free_text
from casemate.controls.profiling.facts import count, shape_of
from casemate.controls.profiling.findings import findings, listed, share
from casemate.controls.profiling.profile import MOST_CANDIDATES, profile_table
from casemate.core.errors import DataError, EmptyData, ExtraMissing


def people(rows: int = 400) -> pl.DataFrame:
    rng = np.random.default_rng(3)
    return pl.DataFrame(
        {
            "person_id": np.arange(1000, 1000 + rows),
            "email": [f"zebulon{i}@example.org" for i in range(rows)],
            "age": rng.integers(18, 90, rows),
            "sex": rng.choice(["female", "male"], rows),
            "postcode": rng.integers(10000, 10050, rows).astype(str),
            "diagnosis": rng.choice(["E11.9", "I10.0", "J45.0"], rows),
            "visits": rng.integers(0, 9, rows),
            "churned": rng.integers(0, 2, rows),
        }
    )


def test_roles_risk_and_sets_are_exact() -> None:
    frame = people()
    profile = profile_table(frame.get_columns(), "people.csv", target="churned")
    roles = {column.name: column.role for column in profile.columns}
    assert roles == {
        "person_id": "identifier",
        "email": "identifier",
        "age": "quasi-identifier",
        "sex": "quasi-identifier",
        "postcode": "quasi-identifier",
        "diagnosis": "sensitive",
        "visits": "feature",
        "churned": "target",
    }
    assert (profile.subject, profile.subject_told) == ("person_id", False)
    for names, risk in [(("age", "sex", "postcode"), profile.risk), *((s.columns, s.risk) for s in profile.sets)]:
        sizes = frame.group_by(names).len()["len"]
        assert risk is not None
        assert risk.unique == pytest.approx((sizes == 1).sum() / frame.height)
        assert risk.smallest == sizes.min()
        assert risk.classes == len(sizes)
    assert {len(one.columns) for one in profile.sets} == {1, 2, 3}
    assert all(one.known for one in profile.sets)


def test_no_value_is_kept() -> None:
    profile = profile_table(people().get_columns(), "people.csv")
    told = msgspec.json.encode(profile)
    assert b"zebulon" not in told
    assert b"10049" not in told
    assert profile.column("email").shape.startswith("aaaa")


def test_subject_and_target_are_heeded_and_must_exist() -> None:
    columns = people().get_columns()
    profile = profile_table(columns, "p", subject="visits", target="sex")
    assert profile.column("visits").role == "identifier"
    assert profile.column("sex").role == "target"
    assert profile.subject_told
    with pytest.raises(DataError, match="Did you mean 'churned'") as caught:
        profile_table(columns, "p", target="churn")
    assert caught.value.where == "--target"


def test_findings_begin_with_the_worst() -> None:
    told = findings(profile_table(people().get_columns(), "p"))
    assert [one.weight for one in told] == sorted((one.weight for one in told), key=("bad", "open", "good").index)
    assert told[0].text.startswith("2 columns identify people or rows directly: person_id and email")
    assert any("of the rows are alone in the 3 quasi-identifiers" in one.text for one in told)


def test_a_grouped_table_is_said_to_be_one() -> None:
    frame = pl.DataFrame({"sex": ["female", "male"] * 50, "visits": [1, 2, 3, 4] * 25})
    (first, *_) = findings(profile_table(frame.get_columns(), "p"))
    assert (first.weight, first.text) == (
        "good",
        "no row is alone in the quasi-identifier sex: the smallest group has 50 rows",
    )


def test_a_table_of_nobody() -> None:
    profile = profile_table([pl.Series("temperature", [1.5, 2.5, 2.5])], "p")
    assert profile.risk is None
    assert findings(profile)[0].weight == "open"


@pytest.mark.parametrize("columns", [[], [pl.Series("a", [], dtype=pl.String)]])
def test_nothing_to_profile(columns: list[pl.Series]) -> None:
    with pytest.raises(EmptyData):
        profile_table(columns, "p")


@pytest.mark.parametrize(
    "frame",
    [
        pl.DataFrame({"age": [7]}),
        pl.DataFrame({"age": [None, None]}, schema={"age": pl.Int64}),
        pl.DataFrame({"a": [None]}),
        pl.DataFrame({"age": [1, 2], "n": [[1], [2]], "b": [b"x", b"y"]}),
        pl.DataFrame({"\n<b>": ["x", "y"], "": [1, 2], "a\u202eb": ["p", "q"]}),
    ],
)
def test_odd_tables(frame: pl.DataFrame) -> None:
    profile = profile_table(frame.get_columns(), "p", fraction=0.5)
    assert [column.name for column in profile.columns] == frame.columns
    assert findings(profile)


def test_thousands_of_columns() -> None:
    columns = [pl.Series(f"x{i}", [i % 3, (i + 1) % 3, 5]) for i in range(2_500)]
    done: list[tuple[int, int]] = []
    profile = profile_table(columns, "wide", progress=lambda *step: done.append(step))
    assert len(profile.columns) == 2_500
    assert done[-1] == (2_500, 2_500)
    assert len(profile.left_out) == 2_500 - MOST_CANDIDATES
    assert any("too many to search" in one.text for one in findings(profile))


def test_near_keys_hold_over_all_rows() -> None:
    frame = people(5000).with_columns(pl.Series("weight_kg", np.random.default_rng(1).random(5000)))
    profile = profile_table(frame.get_columns(), "p")
    assert profile.near_keys
    for one in profile.near_keys:
        sizes = frame.group_by(one.columns).len()["len"].cast(pl.Float64)
        assert (sizes * (sizes - 1)).sum() / (5000 * 4999) <= 1e-4


def test_counts() -> None:
    counted = count(pl.Series("x", ["a", "a", "b", None]))
    assert (counted.missing, counted.different, counted.alone) == (0.25, 2, 0.25)
    assert counted.entropy == pytest.approx(1.5)
    assert count(pl.Series("x", [1.0, float("nan"), None])).missing == pytest.approx(2 / 3)
    assert count(pl.Series("x", [[1], [2]])).different == 0


def test_shapes_are_masked() -> None:
    assert shape_of(["Anna-1", "Berta-2", "Emil-3"]) == "Aaaa-9"
    assert shape_of(["a", "bb", "ccc", "dddd", "eeeee", "ffffff"]) == ""
    assert shape_of([]) == ""
    assert shape_of(["é\x00日"]) == "a?a"
    assert shape_of(["x" * 99]).endswith("...")


def test_shares_and_lists_in_words() -> None:
    assert share(0) == "0.0%"
    assert share(1e-9) == "less than 0.1%"
    assert share(1 - 1e-9) == "more than 99.9%"
    assert listed(["a"]) == "a"
    assert listed(["a", "b", "c"]) == "a, b and c"
    assert listed(list("abcdefgh")) == "a, b, c, d, e and 3 more"


TEXTS = pl.Series("notes", [f"Call Hans Schmidt at hans{i}@example.org about the late delivery" for i in range(9)])


def test_free_text_is_scanned() -> None:
    free_text._analyser.cache_clear()
    found = free_text.scan(TEXTS)
    assert found.scanned == 9
    assert found.found["EMAIL_ADDRESS"] == 1.0
    assert found.found["PERSON"] == 1.0


def test_free_text_without_the_extra_is_said_to_be_unscanned(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str, purpose: str) -> Any:
        raise ExtraMissing("presidio_analyzer is needed", fix='pip install "casemate[text]"')

    free_text._analyser.cache_clear()
    monkeypatch.setattr(free_text, "need", missing)
    found = free_text.scan(TEXTS)
    free_text._analyser.cache_clear()
    assert (found.scanned, found.found) == (0, {})
    assert "casemate[text]" in found.note
