"""The JSON Schema of the system file against an independent validator."""

from __future__ import annotations

import copy
import datetime
import json
import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

import jsonschema
import pytest
from msgspec import Meta

from casemate.controls import controls
from casemate.core.control import control, learned
from casemate.core.policy import COSTS
from casemate.systems.declaration import AccessTable, Declaration, ModelFormat
from casemate.systems.file import parse
from casemate.systems.json_schema import json_schema
from casemate.systems.models.load import FORMATS

ROOT = Path(__file__).parents[2]
EXAMPLES = sorted(ROOT.glob("examples/*/casemate.toml"))

TEXT = """
[system]
name = "loan"
surface = "labels"
[data]
train = "loan.csv"
test-share = 0.25
target = "approved"
classes = ["no", "yes"]
range = [0, 1.5]
shape = [1, 8, 8]
[data.columns."*"]
kind = "number"
[model]
artefact = "model.skops"
[model.endpoint]
url = "https://host:8000"
model = "loan"
[[controls]]
use = "test.schema-control"
share = 0.5
mode = "hard"
[access]
queries = 10
norm = "linf"
[assess]
attacks = ["evasion"]
[attacks."evasion.pgd"]
radius = 0.1
[policy.limits]
evasion = 0.2
[policy.costs]
refusals = 0.1
[[policy.waivers]]
of = "evasion"
reason = "fenced"
expires = 2030-01-01
"""


@control("test.schema-control", mitigates=("evasion",), limit="nothing")
class Sample:
    """Does nothing, with options."""

    share: Annotated[float, Meta(ge=0, le=1)]
    mode: Literal["soft", "hard"] = "soft"
    names: tuple[str, ...] = ()
    seen: int = learned()


def as_json(text: str) -> dict[str, Any]:
    """The file's content with dates as text, which is how JSON writes them."""
    parsed = json.loads(json.dumps(tomllib.loads(text), default=datetime.date.isoformat))
    return dict(parsed)


def validator(*controls: type[Any]) -> jsonschema.Draft202012Validator:
    schema = json_schema(controls)
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema, format_checker=jsonschema.Draft202012Validator.FORMAT_CHECKER)


def test_the_schema_is_json_and_every_key_is_described() -> None:
    schema = json_schema([Sample])
    assert json.loads(json.dumps(schema)) == schema
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    for name, table in schema["$defs"].items():
        assert table["description"], name
        for key, value in table["properties"].items():
            if not name.startswith("Control-"):
                assert "description" in value or "$ref" in value, f"{name}.{key}"


def test_a_file_that_loads_is_valid() -> None:
    parse(TEXT)
    validator(Sample).validate(as_json(TEXT))
    validator().validate(as_json(TEXT))


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.parent.name)
def test_the_examples_are_valid(path: Path) -> None:
    from casemate.controls import controls

    parse(path.read_text())
    validator(*controls().values()).validate(as_json(path.read_text()))


def test_there_are_examples() -> None:
    assert EXAMPLES


MISTAKES: list[tuple[tuple[str | int, ...], Any]] = [
    (("sytem",), {}),
    (("system",), None),
    (("system", "name"), ""),
    (("system", "surface"), "label"),
    (("data", "train"), None),
    (("data", "test-share"), 1),
    (("data", "test_share"), 0.5),
    (("data", "range"), [1]),
    (("data", "shape"), [0]),
    (("data", "format"), "xlsx"),
    (("data", "delimiter"), ";;"),
    (("data", "columns", "*", "kind"), "date"),
    (("data", "columns", "*", "roles"), "feature"),
    (("model", "recipe"), "train.fit"),
    (("model", "format"), "h5"),
    (("model", "endpoint", "url"), "ftp://host"),
    (("controls", 0, "use"), "test.other"),
    (("controls", 0, "use"), None),
    (("controls", 0, "share"), 2),
    (("controls", 0, "share"), None),
    (("controls", 0, "mode"), "medium"),
    (("controls", 0, "on-error"), "ajar"),
    (("controls", 0, "seen"), 1),
    (("access", "knowledge"), "none"),
    (("access", "queries"), 0),
    (("access", "norm"), "l1"),
    (("assess", "samples"), 1.5),
    (("attacks", "evasion.pgd", "samples"), 0),
    (("policy", "limits", "evasion"), 20),
    (("policy", "costs", "refusals"), -1),
    (("policy", "level"), 1.0),
    (("policy", "count"), "some"),
    (("policy", "waivers", 0, "reason"), None),
    (("policy", "waivers", 0, "reason"), " "),
    (("policy", "waivers", 0, "expires"), "never"),
]


@pytest.mark.parametrize(("path", "value"), MISTAKES, ids=lambda part: str(part))
def test_every_mistake_is_invalid(path: tuple[str | int, ...], value: Any) -> None:
    document: Any = copy.deepcopy(as_json(TEXT))
    inner = document
    for key in path[:-1]:
        inner = inner[key]
    if value is None:
        del inner[path[-1]]
    else:
        inner[path[-1]] = value
    with pytest.raises(jsonschema.ValidationError):
        validator(Sample).validate(document)


def test_without_controls_any_option_passes() -> None:
    document = as_json(TEXT)
    document["controls"] = [{"use": "anything", "option": 1}]
    validator().validate(document)
    document["controls"] = [{"option": 1}]
    with pytest.raises(jsonschema.ValidationError):
        validator().validate(document)


def test_the_schema_knows_no_null() -> None:
    assert "null" not in json.dumps(json_schema([Sample]))


def test_costs_are_described_where_they_may_be_limited() -> None:
    limited = json_schema()["$defs"]["PolicyTable"]["properties"]["costs"]
    assert set(limited["propertyNames"]["enum"]) == set(COSTS)


def test_the_words_of_the_file_are_those_of_the_code() -> None:
    assert set(get_args(ModelFormat)) == set(FORMATS.values())
    assert AccessTable() == parse('[system]\nname = "x"\n[data]\ntrain = "x"\n')[0].access
    assert Declaration.__struct_encode_fields__ == (
        "system",
        "data",
        "model",
        "release",
        "controls",
        "access",
        "assess",
        "attacks",
        "policy",
        "privacy-policy",
    )


def test_a_default_that_is_made_anew_is_told() -> None:
    options = json_schema(controls().values())["$defs"]["Control-privacy.mondrian"]
    assert options["properties"]["columns"]["default"] == {}
    assert options["required"] == ["use"]
