import json
import tomllib
from pathlib import Path

import jsonschema
import pytest

from casemate.controls import controls
from cli.conftest import Run

EXAMPLES = sorted((Path(__file__).parents[2] / "examples").glob("*/casemate.toml"))


def test_the_schema_is_one_and_knows_every_control(run: Run) -> None:
    code, out, err = run("schema")
    schema = json.loads(out)
    jsonschema.Draft202012Validator.check_schema(schema)
    assert (code, err) == (0, "")
    assert all(id in out for id in controls())


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.parent.name)
def test_the_examples_keep_to_it(run: Run, path: Path) -> None:
    validator = jsonschema.Draft202012Validator(json.loads(run("schema")[1]))
    validator.validate(tomllib.loads(path.read_text()))


def test_a_mistake_does_not(run: Run) -> None:
    validator = jsonschema.Draft202012Validator(json.loads(run("schema")[1]))
    wrong = {"system": {"name": "x", "nam": "y"}, "data": {"train": "x.csv"}}
    assert not validator.is_valid(wrong)


def test_into_a_file(run: Run, here: Path) -> None:
    code, out, err = run("schema", "--output", "schema.json")
    assert (code, out, err) == (0, "", "wrote schema.json\n")
    assert json.loads((here / "schema.json").read_text()) == json.loads(run("schema")[1])


def test_where_the_folder_is_missing(run: Run, here: Path) -> None:
    code, _, err = run("schema", "--output", "none/schema.json")
    assert code == 2
    assert "No such file or directory" in err


def test_of_the_policy(run: Run) -> None:
    code, out, err = run("schema", "--of", "policy")
    assert (code, err) == (0, "")
    validator = jsonschema.Draft202012Validator(json.loads(out))
    policy = tomllib.loads((EXAMPLES[0].parents[1] / "people" / "privacy.toml").read_text())
    validator.validate(policy)
    policy["columns"]["age"]["role"] = "nothing"
    assert not validator.is_valid(policy)
