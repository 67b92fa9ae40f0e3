"""Privacy policies: read, refused with file and line, and held against tables that have drifted."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import jsonschema
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from casemate.controls.privacy.policy import parse_policy, policy_schema, read_policy
from casemate.core.errors import Quarantined, SchemaDrift, SystemFileError

BASE = """\
dataset = "crm.people"
subject-key = "person_id"

[columns.person_id]
role = "identifier"
type = "integer"
pseudonym = { kind = "aes-siv", reversible-by = ["dpo"] }

[columns.name]
role = "identifier"
drop = true

[columns.age]
role = "quasi-identifier"
type = "integer"

[columns.born]
role = "quasi-identifier"
type = "date"
shift-days = 30

[columns.diagnosis]
role = "sensitive"

[columns.income]
role = "target"

[privacy]
k = 5
l = 2

[purposes.training]
columns = "minimal"

[encryption]
at-rest = "parquet"
groups = { pii = ["person_id", "age"], health = ["diagnosis"] }
"""
TYPES: dict[str, pl.DataType] = {
    "person_id": pl.Int64(),
    "name": pl.String(),
    "age": pl.Int32(),
    "born": pl.Date(),
    "diagnosis": pl.String(),
    "income": pl.Float64(),
}


def changed(old: str, new: str) -> str:
    assert BASE.count(old) == 1, old
    return BASE.replace(old, new)


def refused(text: str, folder: Path = Path()) -> SystemFileError:
    with pytest.raises(SystemFileError) as caught:
        parse_policy(text, folder / "privacy.toml")
    return caught.value


def line_of(text: str, spot: str) -> int:
    return text[: text.index(spot)].count("\n") + 1


def test_it_is_read(tmp_path: Path) -> None:
    (tmp_path / "privacy.toml").write_text(BASE)
    for given_path in (tmp_path, tmp_path / "privacy.toml"):
        policy = read_policy(given_path)
        assert policy.path == tmp_path / "privacy.toml"
        assert policy.declared.privacy.k == 5
        assert policy.of("quasi-identifier") == ("age", "born")
        assert policy.of("identifier") == ("person_id",)
        assert policy.where("columns", "age") == f"{tmp_path / 'privacy.toml'}:13: columns.age"
        assert policy.warnings == ()


def test_inside_a_system_file(tmp_path: Path) -> None:
    path = tmp_path / "casemate.toml"
    inner = "\n".join(
        line.replace("[columns", "[privacy-policy.columns") if line.startswith("[columns") else line
        for line in BASE.splitlines()
    )
    for table in ("privacy", "purposes.training", "encryption"):
        inner = inner.replace(f"[{table}]", f"[privacy-policy.{table}]")
    path.write_text(f'[system]\nname = "x"\n[privacy-policy]\n{inner}')
    policy = read_policy(tmp_path)
    assert policy.at == ("privacy-policy",)
    assert policy.digest == parse_policy(BASE).digest
    path.write_text(path.read_text().replace('role = "target"', 'role = "targett"'))
    with pytest.raises(SystemFileError, match="Did you mean 'target'") as caught:
        read_policy(tmp_path)
    assert str(caught.value.where).endswith("privacy-policy.columns.income.role")
    path.write_text('[system]\nname = "x"\n')
    with pytest.raises(SystemFileError, match="has no \\[privacy-policy\\] table"):
        read_policy(path)


def test_a_missing_file_says_how_to_write_one(tmp_path: Path) -> None:
    with pytest.raises(SystemFileError, match="there is no privacy policy") as caught:
        read_policy(tmp_path)
    assert caught.value.fix is not None
    assert "casemate profile" in caught.value.fix


@pytest.mark.parametrize(("content", "told"), [(b"dataset = \xff", "not UTF-8"), (b"dataset = ", "not valid TOML")])
def test_unreadable_files(tmp_path: Path, content: bytes, told: str) -> None:
    (tmp_path / "privacy.toml").write_bytes(content)
    with pytest.raises(SystemFileError, match=told) as caught:
        read_policy(tmp_path)
    assert "privacy.toml:1" in str(caught.value.where)


def test_the_digest_heeds_content_and_not_layout(tmp_path: Path) -> None:
    digest = parse_policy(BASE).digest
    assert parse_policy("# a comment\n" + BASE.replace("k = 5", "k   =   5  # five")).digest == digest
    assert parse_policy(changed("k = 5", "k = 6")).digest != digest
    (tmp_path / "jobs.csv").write_text("a,b\n")
    text = BASE + '[columns.job]\nrole = "quasi-identifier"\ngeneralise = { hierarchy = "jobs.csv" }\n'
    policy = parse_policy(text, tmp_path / "privacy.toml")
    assert policy.hierarchy("job") == tmp_path / "jobs.csv"
    assert policy.hierarchy("age") is None
    before = policy.digest
    (tmp_path / "jobs.csv").write_text("a,c\n")
    assert parse_policy(text, tmp_path / "privacy.toml").digest != before


IDENTIFIER = 'role = "identifier"\ndrop = true'
MISTAKES = [
    (changed("k = 5", "kk = 5"), "[privacy] has no key 'kk'", "kk = 5"),
    (changed("dataset = ", "datasett = "), "Did you mean 'dataset'", "datasett"),
    (changed('role = "target"', 'role = "tarrget"'), "Did you mean 'target'", "tarrget"),
    (changed("k = 5", 'k = "5"'), "expected a whole number", 'k = "5"'),
    (changed("k = 5", "k = 0"), "k", "k = 0"),
    (changed('subject-key = "person_id"', 'subject-key = "person"'), "Did you mean 'person_id'", "subject-key"),
    (changed('subject-key = "person_id"', 'subject-key = "age"'), "the subject key 'age' has the role", "quasi"),
    (changed(IDENTIFIER, 'role = "identifier"'), "neither dropped, nor pseudonymised, nor sealed", "[columns.name]"),
    (changed(IDENTIFIER, 'role = "identifier"\nkeep = true'), "keep needs a reason", "keep"),
    (changed(IDENTIFIER, 'role = "identifier"\nkeep = true\ndrop = true\nreason = "x"'), "exclude each other", "keep"),
    (changed('role = "sensitive"', 'role = "sensitive"\nkeep = true'), "keep is for identifiers", "keep"),
    (changed("drop = true", "drop = true\nclip = [1, 2]"), "drop and clip exclude each other", "clip"),
    (changed("drop = true", "clip = [1, 2]\npseudonym = {}"), "pseudonym and clip exclude each other", "clip"),
    (changed("shift-days = 30", "shift-days = 30\nround-to = 5"), "shift-days and round-to exclude", "round-to"),
    (changed('type = "date"\nshift-days = 30', "clip = [9, 1]"), "clip = [9, 1] is no range", "clip"),
    (changed('subject-key = "person_id"\n', ""), "shift-days needs subject-key", "shift-days"),
    (changed('kind = "aes-siv"', 'kind = "hmac"'), "an hmac pseudonym cannot be turned back", "hmac"),
    (changed('kind = "aes-siv"', 'kind = "aes-siv", alphabet = "lower"'), "alphabet is a matter of ff1", "alphabet"),
    (changed('kind = "aes-siv"', 'kind = "aes-sif"'), "Did you mean 'aes-siv'", "aes-sif"),
    (
        changed('role = "sensitive"', 'role = "sensitive"\ngeneralise = {}'),
        "only quasi-identifiers are blurred",
        "gener",
    ),
    (changed("shift-days = 30", 'generalise = { order = ["a", "b", "a"] }'), "order names 'a' twice", "order"),
    (changed("shift-days = 30", 'generalise = { hierarchy = "no.csv" }'), "there is no hierarchy file", "hierarchy"),
    (changed("k = 5\nl = 2", "k = 1"), "k = 1, although 'age' is a quasi-identifier", "k = 1"),
    (changed("l = 2", "l = 6"), "l = 6 is more than k = 5", "l = 6"),
    (changed('role = "sensitive"', 'role = "feature"'), "l is asked for, but no column is sensitive", "l = 2"),
    (
        changed('role = "sensitive"', 'role = "feature"').replace("l = 2", "t = 0.2"),
        "t is asked for, but no column is sensitive",
        "t = 0.2",
    ),
    (changed("l = 2", 'l-kind = "entropy"'), "does nothing while l is 1", "l-kind"),
    (changed("l = 2", "max-suppression = 1.0"), "may leave no row", "max-supp"),
    (changed("l = 2", 'method = "lattice"\nnoise = 0.1'), 'noise is a matter of method = "mondrian"', "noise"),
    (changed("l = 2", 'method = "lattice"\nrelaxed = true'), "relaxed is a matter of", "relaxed"),
    (changed("l = 2", 'method = "lattice"\nranges = "tight"'), "ranges is a matter of", "ranges"),
    (changed("l = 2", "relaxed = true"), 'relaxed and ranges = "bands" exclude each other', "relaxed"),
    (
        changed("[purposes.training]", '[gate]\nlimits = { a = 0.1 }\nskip = ["a"]\n[purposes.training]'),
        "a is skipped",
        "skip",
    ),
    (changed('columns = "minimal"', 'columns = ["age", "agee"]'), "Did you mean 'age'", 'columns = ["age"'),
    (changed('columns = "minimal"', 'columns = ["name"]'), "'name' is dropped", 'columns = ["name"'),
    (changed('columns = "minimal"', 'columns = ["age", "age"]'), "'age' is listed twice", 'columns = ["age"'),
    (changed('columns = "minimal"', "columns = []"), "may see no column", "columns = []"),
    (changed('role = "target"', 'role = "feature"'), "no column is the target", 'columns = "minimal"'),
    (changed('columns = "minimal"', "dp = { epsilon = 1.0, delta = 1.0 }"), "lets the guarantee fail always", "dp"),
    (changed('health = ["diagnosis"]', 'health = ["diagnosys"]'), "Did you mean 'diagnosis'", "groups"),
    (changed('health = ["diagnosis"]', 'health = ["age"]'), "'age' is in the groups 'pii' and 'health'", "groups"),
    (changed('health = ["diagnosis"]', 'health = ["diagnosis", "diagnosis"]'), "twice in the group", "groups"),
    (changed('health = ["diagnosis"]', "health = []"), "holds no column", "groups"),
    (changed('at-rest = "parquet"', 'at-rest = "envelope"'), "groups do nothing", "groups"),
    (changed('at-rest = "parquet"', 'at-rest = "parquet"\nkeys = "file:"'), "names no place", "keys"),
]


@pytest.mark.parametrize(("text", "told", "spot"), MISTAKES, ids=[told[:40] for _, told, _ in MISTAKES])
def test_mistakes_are_told_with_their_line(text: str, told: str, spot: str) -> None:
    error = refused(text)
    assert told in str(error)
    where = str(error.where)
    assert where.startswith("privacy.toml:")
    line = text.splitlines()[int(where.split(":")[1]) - 1]
    assert spot in line or line.startswith("[")


def test_a_hierarchy_file_with_a_name_nearby(tmp_path: Path) -> None:
    (tmp_path / "jobs.csv").write_text("a,b\n")
    text = changed("shift-days = 30", 'generalise = { hierarchy = "job.csv" }')
    assert "Did you mean 'jobs.csv'" in refused(text, tmp_path).what


def test_an_identifier_may_be_sealed_or_kept_for_a_reason() -> None:
    sealed = changed(IDENTIFIER, 'role = "identifier"').replace('"person_id", "age"', '"person_id", "age", "name"')
    assert parse_policy(sealed).of("identifier") == ("person_id", "name")
    kept = parse_policy(changed(IDENTIFIER, 'role = "identifier"\nkeep = true\nreason = "a public register"'))
    assert any("published as it is: a public register" in warning for warning in kept.warnings)
    assert "privacy.toml:" in kept.warnings[0]


def test_warnings() -> None:
    told = parse_policy(
        changed('role = "sensitive"', 'role = "sensitive"\npseudonym = {}').replace(
            "[purposes.training]", '[gate]\nskip = ["reidentification.linkage"]\n[purposes.training]'
        )
    ).warnings
    assert any("can give a sensitive column away" in warning for warning in told)
    assert any("is not run against a release" in warning for warning in told)
    plain = 'dataset = "x"\n[columns.a]\nrole = "feature"\n[purposes.p]\ndp = { epsilon = 1.0 }\n'
    told = parse_policy(plain).warnings
    assert any("no column is a quasi-identifier" in warning for warning in told)
    assert any("the guarantee is for rows" in warning for warning in told)


def test_attacks_of_the_gate_must_exist() -> None:
    policy = parse_policy(BASE + '[gate]\nlimits = { "reidentification.linkag" = 0.1 }\n')
    with pytest.raises(SystemFileError, match="Did you mean 'reidentification.linkage'"):
        policy.check_attacks({"reidentification.linkage"})
    parse_policy(BASE).check_attacks(())


def test_a_table_as_declared_passes() -> None:
    policy = parse_policy(BASE)
    assert policy.check(TYPES) == ()
    assert policy.check({**TYPES, "age": pl.Null()}) == ()
    assert not policy.drift(pl.DataFrame(schema=TYPES).schema)


DRIFTS: list[tuple[dict[str, Any], str, str]] = [
    ({**TYPES, "shoe_size": pl.Int64()}, "does not declare column 'shoe_size'", "columns"),
    ({name: TYPES[name] for name in TYPES if name != "age"}, "lacks column 'age'", "columns.age"),
    (
        {("Age" if n == "age" else n): t for n, t in TYPES.items()},
        "no column 'age', but one that is not declared",
        "age",
    ),
    ({**TYPES, "age": pl.String()}, "column 'age' holds text, and the policy needs whole numbers", "columns.age"),
    ({**TYPES, "born": pl.String()}, "column 'born' holds text, and the policy needs dates", "columns.born"),
    ({**TYPES, "person_id": pl.Float64()}, "holds numbers, and the policy needs whole numbers", "person_id"),
    ({}, "lacks columns", "columns.person_id"),
]


@pytest.mark.parametrize(("types", "told", "where"), DRIFTS, ids=[told for _, told, _ in DRIFTS])
def test_a_drifted_table_is_quarantined(types: dict[str, Any], told: str, where: str) -> None:
    with pytest.raises(Quarantined) as caught:
        parse_policy(BASE).check(types, "march.csv")
    assert told in caught.value.what
    assert caught.value.what.startswith("march.csv: ")
    assert where in str(caught.value.where)
    assert caught.value.fix
    assert caught.value.details


def test_what_becomes_of_an_undeclared_column_is_the_owners_choice() -> None:
    types: dict[str, Any] = {**TYPES, "extra": pl.Int64()}
    refuse = parse_policy('unknown-column = "refuse"\n' + BASE)
    with pytest.raises(SchemaDrift) as caught:
        refuse.check(types)
    assert not isinstance(caught.value, Quarantined)
    drop = parse_policy('unknown-column = "drop"\n' + BASE)
    assert drop.check(types) == ("extra",)
    with pytest.raises(SchemaDrift, match="lacks column"):
        drop.check({"extra": pl.Int64()})
    renamed: dict[str, Any] = {("agee" if n == "age" else n): t for n, t in TYPES.items()}
    with pytest.raises(SchemaDrift, match="'agee'"):
        drop.check(renamed)


def test_dropped_columns_may_hold_anything() -> None:
    assert parse_policy(BASE).check({**TYPES, "name": pl.List(pl.Int64)}) == ()


def test_ff1_needs_text_or_whole_numbers() -> None:
    policy = parse_policy(
        changed('kind = "aes-siv"', 'kind = "ff1"').replace('type = "integer"\npseudonym', "pseudonym")
    )
    assert policy.check({**TYPES, "person_id": pl.String()}) == ()
    with pytest.raises(Quarantined, match="text or whole numbers"):
        policy.check({**TYPES, "person_id": pl.Date()})


@given(st.lists(st.text(max_size=6), unique=True, max_size=6), st.lists(st.text(max_size=6), unique=True, max_size=6))
@settings(max_examples=60, deadline=None)
def test_drift_is_the_difference_of_the_names(declared: list[str], found: list[str]) -> None:
    import msgspec

    from casemate.controls.privacy.declaration import ColumnPolicy
    from casemate.controls.privacy.drift import drift_of

    column = msgspec.convert({"role": "feature"}, ColumnPolicy)
    drift = drift_of(dict.fromkeys(declared, column), dict.fromkeys(found, pl.Int64()))
    assert set(drift.undeclared) == set(found) - set(declared)
    assert set(drift.missing) == set(declared) - set(found)
    assert set(drift.renamed) <= set(drift.missing)
    assert set(drift.renamed.values()) <= set(drift.undeclared)
    assert len(set(drift.renamed.values())) == len(drift.renamed)
    assert bool(drift) == (set(declared) != set(found))


def test_the_json_schema_says_what_we_read() -> None:
    schema = policy_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    validator = jsonschema.Draft202012Validator(schema)
    validator.validate(tomllib.loads(BASE))
    assert not validator.is_valid(tomllib.loads(changed("k = 5", "kk = 5")))
