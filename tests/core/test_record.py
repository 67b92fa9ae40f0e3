from __future__ import annotations

import contextlib
import json
from dataclasses import replace
from pathlib import Path

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from casemate.core import record
from casemate.core.assessment import SCHEMA, Arm, Assessment, Catalogue, Cell, Cost, SystemFacts
from casemate.core.errors import AssessmentUnreadable
from casemate.core.evidence import Evidence, Example
from casemate.core.policy import Policy
from casemate.core.record import decode, encode, load, restore_hook, store_hook

flags = hnp.arrays(bool, st.integers(0, 70))
EXAMPLE = Example((0.0, 1.0), (0.5, 1.0), (2,), ("a", "b"), "no", "yes")


def evidence(outcome: np.ndarray) -> Evidence:
    ids = np.arange(len(outcome)) * 7 - 3
    return Evidence.rate(
        "success", won=outcome, detected=outcome, ids=ids, figures={"x": 1.5, "lost": np.nan}, examples=(EXAMPLE,)
    )


def assessment(outcome: np.ndarray) -> Assessment:
    cell = Cell("evasion.pgd", "evasion", "full", "done", evidence=evidence(outcome))
    return Assessment(
        schema=SCHEMA,
        system=SystemFacts("s", "d", "m", 2, ("no", "yes"), (2,), 10, 5),
        catalogue=Catalogue("2026.11"),
        seed=3,
        created="2026-11-23T00:00:00+00:00",
        policy=Policy(limits={"evasion": 0.1}),
        arms=(Arm("full", ("x",), ("only:x",)),),
        cells=(cell,),
        twins=(),
        findings=(),
        costs=(Cost("full", accuracy=0.5, correct=evidence(outcome), worst_group=("sex=1", 0.25)),),
        warnings=("w",),
        environment={"python": "3.11"},
    )


@given(flags)
def test_evidence_travels_whole(outcome: np.ndarray):
    before = evidence(outcome)
    data = msgspec.msgpack.encode(before, enc_hook=store_hook)
    after = msgspec.msgpack.decode(data, type=Evidence, dec_hook=restore_hook)
    np.testing.assert_array_equal(after.outcome, before.outcome)
    np.testing.assert_array_equal(after.detected, before.detected)
    np.testing.assert_array_equal(after.ids, before.ids)
    assert after.baseline is None
    assert (after.metric, after.kind, after.figures, after.examples, after.notes) == (
        "success",
        "rate",
        {"x": 1.5},
        (EXAMPLE,),
        (),
    )


def test_an_assessment_travels_whole():
    data = encode(assessment(np.array([True, False, True])))
    back = decode(data)
    assert encode(back) == data
    assert back.costs[0].worst_group == ("sex=1", 0.25)
    np.testing.assert_array_equal(back.cells[0].evidence.outcome, [True, False, True])  # type: ignore[union-attr]


def test_json_is_plain():
    record = json.loads(encode(assessment(np.ones(5, bool))))
    assert record["schema"] == "casemate.assessment/1"
    assert record["system"]["name"] == "s"
    assert record["cells"][0]["evidence"]["outcome"]["n"] == 5


@given(st.binary(max_size=60))
def test_rubbish_is_told(data: bytes):
    with pytest.raises(AssessmentUnreadable):
        decode(data)


@pytest.mark.parametrize("opened", [b"[", b'{"a":', b'{"schema":"casemate.assessment/1","system":'])
def test_what_nests_too_deeply_is_told(opened: bytes):
    with pytest.raises(AssessmentUnreadable, match="not an assessment"):
        decode(opened + b"[" * 100_000)


@given(st.data())
def test_a_damaged_record_is_told_or_read_but_never_crashes(data: st.DataObject):
    whole = bytearray(encode(assessment(np.array([True, False]))))
    place = data.draw(st.integers(0, len(whole) - 1))
    whole[place] = data.draw(st.integers(0, 255))
    with contextlib.suppress(AssessmentUnreadable):  # anything else that is raised fails the test
        assert isinstance(decode(bytes(whole)), Assessment)


def test_a_truncated_file_is_told(tmp_path: Path):
    path = tmp_path / "a.json"
    path.write_bytes(encode(assessment(np.ones(3, bool)))[:-20])
    with pytest.raises(AssessmentUnreadable, match="not an assessment"):
        load(path)


def test_a_missing_file_is_told(tmp_path: Path):
    with pytest.raises(AssessmentUnreadable, match="cannot be read"):
        load(tmp_path / "none.json")


def test_another_schema_is_told():
    data = encode(replace(assessment(np.ones(1, bool)), schema="casemate.assessment/9"))
    with pytest.raises(AssessmentUnreadable, match="casemate.assessment/9"):
        decode(data)


def test_a_small_file_does_not_unpack_to_a_large_one():
    import base64
    import zlib

    bomb = base64.b64encode(zlib.compress(bytes(10_000_000))).decode()
    with pytest.raises(ValueError, match="promised"):
        restore_hook(np.ndarray, {"kind": "bool", "n": 8, "data": bomb})
    with pytest.raises(msgspec.ValidationError):
        restore_hook(np.ndarray, {"kind": "bool", "n": 10**12, "data": bomb})


@pytest.mark.parametrize("depth", [2_000, 200_000])
def test_nesting_without_end_is_unreadable(depth: int):
    data = b'{"schema": "%s", "x": ' % SCHEMA.encode() + b"[" * depth + b"]" * depth + b"}"
    with pytest.raises(AssessmentUnreadable):
        decode(data)


def test_a_file_beyond_the_limit_is_not_read_whole(tmp_path, monkeypatch):
    monkeypatch.setattr(record, "MAX_BYTES", 1 << 20)
    path = tmp_path / "large.json"
    with path.open("wb") as file:
        file.truncate(1 << 40)  # a hole: a reader that takes it all would fill the memory
    with pytest.raises(AssessmentUnreadable, match="larger than"):
        load(path)


def test_arrays_that_swell_together_are_unreadable(monkeypatch):
    data = encode(assessment(np.zeros(1000, bool)))
    assert isinstance(decode(data), Assessment)
    monkeypatch.setattr(record, "MAX_UNPACKED", 999)
    with pytest.raises(AssessmentUnreadable, match="grow beyond"):
        decode(data)
