import datetime
from pathlib import Path

import polars as pl
import pytest

from casemate.controls.deidentification.memory import in_memory
from casemate.controls.deidentification.source import frame_source
from casemate.controls.privacy.bands import Bands
from casemate.controls.privacy.microaggregation import Microaggregation
from casemate.controls.privacy.mondrian import Mondrian
from casemate.controls.privacy.plan import Plan, make_plan
from casemate.controls.privacy.policy import Policy, parse_policy
from casemate.controls.privacy.steps import Secrets
from casemate.core.errors import CasemateError, UnknownName

POLICY = """
dataset = "crm.people"
subject-key = "person"
[columns.person]
role = "identifier"
pseudonym = { kind = "aes-siv", reversible-by = ["dpo"] }
reason = "complaints"
[columns.name]
role = "identifier"
drop = true
[columns.age]
role = "quasi-identifier"
clip = [18, 90]
round-to = 5
[columns.city]
role = "quasi-identifier"
ordinal = true
[columns.seen]
role = "feature"
shift-days = 10
[columns.illness]
role = "sensitive"
[columns.income]
role = "feature"
[columns.left]
role = "target"
[privacy]
k = 3
l = 2
[purposes.train]
columns = ["age", "city", "seen", "illness", "left", "person"]
retention-days = 30
key-epoch = "2026Q4"
[purposes.all]
[purposes.few]
columns = "minimal"
[purposes.labels]
columns = ["age", "left"]
"""
COLUMNS = ("person", "name", "age", "city", "seen", "illness", "income", "left")
SECRETS = Secrets(b"m" * 32, "crm.people", "train", "2026Q4")


def policy(text: str = POLICY, path: Path = Path("privacy.toml")) -> Policy:
    return parse_policy(text, path)


def plan(purpose: str = "train", rules: Policy | None = None, **more: object) -> Plan:
    return make_plan(rules or policy(), purpose, COLUMNS, **more)  # type: ignore[arg-type]


def test_a_purpose_selects_columns_and_each_has_its_reason() -> None:
    made = plan()
    assert made.publish == ("person", "age", "city", "seen", "illness", "left")
    told = {step.column: (step.transformation, step.why) for step in made.steps}
    assert told == {
        "person": ("pseudonym:aes-siv", "complaints"),
        "name": ("drop", "it identifies people by itself, and nothing needs it"),
        "age": ("clip:18..90 + round:5 + generalise:mondrian", "together with other columns it singles people out"),
        "city": ("generalise:mondrian", "together with other columns it singles people out"),
        "seen": ("date-shift:10 days", "the purpose needs it, and it singles nobody out"),
        "illness": ("identity", "the purpose needs it; nobody may learn whose it is"),
        "income": ("drop", "the purpose 'train' does not need it"),
        "left": ("identity", "the purpose needs it: it is what a model shall tell"),
    }
    assert [step.column for step in made.steps if not step.masking] == ["illness", "left"]
    assert [step.column for step in made.steps if step.keyed] == ["person", "seen"]


def test_controls_are_those_of_an_assessment_and_in_order() -> None:
    made = plan(secrets=SECRETS)
    assert [control.id for control in made.controls] == [
        "privacy.pseudonyms",
        "privacy.top-bottom",
        "privacy.rounding",
        "privacy.date-shift",
        "privacy.mondrian",
    ]
    blur = made.blur
    assert isinstance(blur, Mondrian)
    assert (blur.k, blur.l) == (3, 2)
    assert blur.columns["city"].ordinal is True


def test_terms_go_into_the_plan() -> None:
    made = plan()
    assert (made.key_epoch, made.retention_days, made.policy_digest) == ("2026Q4", 30, policy().digest)
    assert made.delete_after(datetime.date(2026, 12, 1)) == datetime.date(2026, 12, 31)
    assert plan("all").delete_after(datetime.date(2026, 12, 1)) is None


def test_edges_tell_of_every_column_what_was_done_and_what_decided() -> None:
    edges = plan().edges()
    direct = {edge.source: edge for edge in edges if edge.kind == "direct"}
    assert set(direct) == set(COLUMNS)
    assert direct["name"].target == ""
    assert direct["age"].masking
    assert not direct["left"].masking
    assert all(edge.why for edge in edges)
    indirect = {(edge.source, edge.target) for edge in edges if edge.kind == "indirect"}
    assert indirect == {("age", "city"), ("city", "age"), ("illness", "age"), ("illness", "city"), ("person", "seen")}


def test_minimal_is_what_a_record_says_and_the_target() -> None:
    assert plan("few", minimal=("age",)).publish == ("age", "left")
    with pytest.raises(CasemateError, match="nobody has said which those are") as caught:
        plan("few")
    assert "casemate minimise" in str(caught.value.fix)


def test_a_purpose_that_is_not_declared() -> None:
    with pytest.raises(UnknownName, match="Did you mean 'train'"):
        plan("trian")


def test_nothing_left_to_publish() -> None:
    rules = policy(POLICY.replace('columns = ["age", "left"]', 'columns = ["income"]'))
    with pytest.raises(CasemateError, match="may see no column"):
        make_plan(rules, "labels", ("age", "name"))


def test_undeclared_columns_that_the_policy_drops_are_told() -> None:
    made = make_plan(policy(), "all", (*COLUMNS, "shoe"), left_out=("shoe",))
    assert made.steps[-1].dropped
    assert made.steps[-1].why == "the policy does not declare it"


def test_what_only_a_seal_covers_does_not_go_out_unsealed() -> None:
    sealed = (
        POLICY.replace("drop = true", "") + '[encryption]\nat-rest = "parquet"\n[encryption.groups]\npii = ["name"]\n'
    )
    with pytest.raises(CasemateError, match="covered by encryption alone"):
        plan("all", policy(sealed))
    made = plan("all", policy(sealed), sealed=True)
    assert {s.column: s.transformation for s in made.steps}["name"] == "encrypt:aes-256-gcm"


def test_without_a_sensitive_column_there_is_no_diversity_to_keep() -> None:
    made = plan("labels")
    blur = made.blur
    assert isinstance(blur, Mondrian)
    assert blur.l == 1
    assert any("l and t have nothing to hold" in warning for warning in made.warnings)


@pytest.mark.parametrize(("method", "kind"), [("lattice", Bands), ("microaggregation", Microaggregation)])
def test_other_methods(method: str, kind: type) -> None:
    made = plan("labels", policy(POLICY.replace("k = 3", f'k = 3\nmethod = "{method}"')))
    assert isinstance(made.blur, kind)


def test_keys_differ_by_purpose_and_epoch_and_nothing_secret_is_told() -> None:
    table = pl.DataFrame(
        {
            "person": ["a", "b", "c", "a"],
            "name": list("wxyz"),
            "age": [20, 30, 40, 50],
            "city": ["x", "x", "y", "y"],
            "seen": pl.Series(["2026-01-01", "2026-01-02", "2026-01-03", "2026-02-01"]).str.to_date(),
            "illness": ["flu", "none", "flu", "none"],
            "income": [1.0, 2.0, 3.0, 4.0],
            "left": [0, 1, 0, 1],
        }
    )

    def published(secrets: Secrets) -> pl.DataFrame:
        parts: list[pl.DataFrame] = []
        made = plan(secrets=secrets)
        in_memory(frame_source(table), made.work(1, 2), lambda frame, _: parts.append(frame), lambda *_: None)
        return pl.concat(parts)

    one = published(SECRETS)
    assert published(SECRETS).equals(one)
    other = published(Secrets(b"m" * 32, "crm.people", "train", "2027Q1"))
    assert set(one["person"]).isdisjoint(other["person"])
    assert one["person"].n_unique() == 3
    spans = one.filter(one["person"].is_duplicated())["seen"].sort()
    assert (spans[1] - spans[0]).days == 31  # the time between the dates of one person stays
    told = str(plan(secrets=SECRETS).described())
    assert "mmmm" not in told


def test_a_work_reads_no_more_than_it_needs() -> None:
    made = plan("labels").work(1, 2)
    assert made.read == ("person", "age", "left")
    assert made.publish == ("age", "left")
    assert made.subject == "person"
