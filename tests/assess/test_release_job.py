"""What a release job decides and records; the command line's tests cover the way through it."""

from collections.abc import Mapping
from pathlib import Path

import polars as pl
import pytest

from casemate.assess.release_job import Job, release
from casemate.assess.release_record import described
from casemate.controls.deidentification.source import frame_source
from casemate.controls.privacy.plan import make_plan
from casemate.controls.privacy.policy import parse_policy
from casemate.core.errors import CasemateError, ControlFailed, LineageError
from casemate.core.provenance import Run
from cli.released import POLICY, population

RULES = POLICY.replace("samples = 600", "samples = 50")


class Record(list[tuple[Run, Mapping[str, pl.Series]]]):
    def keep(self, run: Run, people: Mapping[str, pl.Series]) -> None:
        self.append((run, people))


def job(tmp_path: Path, table: pl.DataFrame, rules: str = RULES, **more: object) -> Job:
    policy = parse_policy(rules)
    plan = make_plan(policy, "open", table.columns)
    told = {
        "source": frame_source(table),
        "policy": policy,
        "plan": plan,
        "output": tmp_path / "out.csv",
        "actor": "ada",
    }
    return Job(**(told | more))  # type: ignore[arg-type]


def test_the_run_tells_columns_people_and_terms_before_the_file_is_there(tmp_path: Path) -> None:
    kept = Record()

    def keep(run: Run, people: Mapping[str, pl.Series]) -> None:
        assert not (tmp_path / "out.csv").exists()
        kept.keep(run, people)

    table = population(300)
    outcome = release(job(tmp_path, table, allow_broken="test"), keep, lambda *_: None)
    run, people = kept[0]
    assert run.status == "complete"
    assert [(v.name, v.rows) for v in (*run.inputs, *run.outputs)] == [("crm.people", 300), ("crm.people.open", 300)]
    assert run.outputs[0].digest == outcome.digest
    assert (run.actor, run.purpose, run.facts["k"]) == ("ada", "open", str(outcome.anonymity.k))  # type: ignore[union-attr]
    age = next(edge for edge in run.edges if edge.source == "age" and edge.kind == "direct")
    assert age.before is not None and age.after is not None and age.before.rows == 300
    assert sorted(people["crm.people.open"]) == sorted(people["crm.people"]) == sorted(table["person"])
    assert (tmp_path / "out.csv").exists()
    assert "p00017" not in str(described(outcome))


def test_people_of_the_rows_in_the_order_in_which_they_are_published(tmp_path: Path) -> None:
    kept = Record()
    table = population(300).with_columns(left=pl.int_range(300))
    release(job(tmp_path, table, allow_broken="test"), kept.keep, lambda *_: None)
    whose = kept[0][1]["crm.people.open"]
    published = pl.read_csv(tmp_path / "out.csv")
    assert [f"p{left:05d}" for left in published["left"]] == whose.to_list()


def test_people_with_several_rows_are_told(tmp_path: Path) -> None:
    table = population(300).with_columns(person=pl.Series([f"p{i // 20}" for i in range(300)]))
    table = table.with_columns(age=pl.Series([18 + i // 20 for i in range(300)]))
    outcome = release(job(tmp_path, table, allow_broken="test"), Record().keep, lambda *_: None)
    assert outcome.people is not None and outcome.people < 20
    assert any("people have several rows" in warning for warning in outcome.warnings)


def test_a_guarantee_that_is_not_kept_is_broken_whatever_the_attacks_say(tmp_path: Path) -> None:
    # Microaggregation does not look at sensitive values: illness goes with age, so that groups share one.
    table = population(200).sort("age").with_columns(illness=pl.Series([f"i{i // 100}" for i in range(200)]))
    rules = RULES.replace("k = 20", 'k = 20\nmethod = "microaggregation"')
    outcome = release(job(tmp_path, table, rules), Record().keep, lambda *_: None)
    assert outcome.anonymity is not None and outcome.anonymity.l == 1
    assert not outcome.guaranteed
    assert (outcome.exit_code, outcome.path) == (1, None)
    assert not list(tmp_path.iterdir())


def test_what_cannot_be_recorded_is_not_written(tmp_path: Path) -> None:
    def refuse(*_: object) -> None:
        raise LineageError("no", fix="mend it")

    with pytest.raises(LineageError) as caught:
        release(job(tmp_path, population(100), allow_broken="test"), refuse, lambda *_: None)
    assert any("could not be written either" in note for note in caught.value.__notes__)
    assert not list(tmp_path.iterdir())


def test_a_failure_is_recorded_without_values(tmp_path: Path) -> None:
    kept = Record()
    with pytest.raises(CasemateError, match="k is 20, but the table has 5 rows"):
        release(job(tmp_path, population(5)), kept.keep, lambda *_: None)
    assert (kept[0][0].status, kept[0][0].facts) == ("failed", {"error": "DataError"})
    assert kept[0][0].outputs == ()


def test_a_control_that_fails_publishes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from casemate.controls.privacy.mondrian import Mondrian

    def broken(*_: object) -> None:
        raise ZeroDivisionError("oh")

    monkeypatch.setattr(Mondrian, "on_release", broken)
    with pytest.raises(ControlFailed, match=r"privacy\.mondrian failed: oh"):
        release(job(tmp_path, population(100)), Record().keep, lambda *_: None)
    assert not list(tmp_path.iterdir())
