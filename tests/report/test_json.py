import json
from pathlib import Path

import jsonschema
import pytest

from casemate.core import record
from casemate.core.assessment import Assessment
from casemate.report.json import render, schema
from report.specimen import empty, only, specimen

DOCS = Path(__file__).parents[2] / "docs" / "reference"
VALIDATOR = jsonschema.Draft202012Validator(schema())


@pytest.mark.parametrize("assessment", [specimen(), empty(), only("evasion.pgd")], ids=["all", "empty", "one"])
def test_the_record_is_what_the_schema_says_and_can_be_read_again(assessment: Assessment) -> None:
    data = render(assessment)
    VALIDATOR.validate(json.loads(data))
    assert render(record.decode(data)) == data


def test_the_record_holds_what_was_promised() -> None:
    held = json.loads(render(specimen()))
    assert held["schema"] == "casemate.assessment/1"
    assert held["system"]["name"] == "loan-desk"
    assert held["system"]["digest"]
    assert held["catalogue"]["edition"] == "2026.11"
    assert held["seed"] == 7
    assert held["environment"]["versions"]["casemate"]
    finding = next(f for f in held["findings"] if (f["attack"], f["arm"]) == ("evasion.pgd", "full"))
    assert finding["threat"] == "evasion"
    assert finding["verdict"] == "broken"
    assert finding["reason"]
    for name in ("effect", "delta"):
        assert {"name", "value", "low", "high", "n"} <= set(finding[name])
    assert {"queries", "rows", "seconds"} <= set(finding["spent"])
    assert {"framework", "edition", "id", "title"} <= set(finding["references"][0])
    assert all(f["delta"] is None for f in held["findings"] if f["arm"] == "bare")
    assert {"arm", "accuracy", "latency_ms"} <= set(held["costs"][0])


def test_the_schema_says_no_to_another_shape() -> None:
    held = json.loads(render(specimen()))
    for damage in ({"schema": "casemate.assessment/2"}, {"seed": "7"}, {"findings": None}, {"arms": [{"id": "full"}]}):
        assert not VALIDATOR.is_valid(held | damage)
    assert VALIDATOR.is_valid(held | {"a field of a later version": 1})


def test_the_published_schema_is_this_one() -> None:
    assert json.loads((DOCS / "assessment.schema.json").read_text()) == json.loads(json.dumps(schema()))


def test_the_page_explains_every_field() -> None:
    page = (DOCS / "assessment.md").read_text()
    parts = {"Assessment": schema(), **schema()["$defs"]}
    missing = [
        f"{part}.{name}"
        for part, held in parts.items()
        for name in held.get("properties", {})
        if f"`{name}`" not in page
    ]
    assert missing == []
