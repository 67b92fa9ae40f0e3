from dataclasses import replace

from casemate.lineage import Lineage, recorded
from casemate.lineage.things import Model, Verdict
from lineage.worlds import CLEAN, NOON, deidentify, opaque


def test_runs_with_and_without_a_purpose(lineage: Lineage) -> None:
    lineage.record(deidentify())
    lineage.record(opaque())
    first, second = recorded.runs(lineage.store)
    assert (first.job, first.status, first.actor) == ("casemate deidentify", "complete", "ana")
    assert (first.purpose, first.key_epoch) == ("train_churn", "2026Q3")
    assert first.finished.startswith("2026-07-01T12:00:09")
    assert (second.job, second.purpose, second.key_epoch) == ("score", "", "")
    assert first.entry < second.entry


def test_assessments_and_their_findings(lineage: Lineage) -> None:
    lineage.record(deidentify())
    data = lineage.find(CLEAN.name)[0]
    model = lineage.record_model(Model("churn", "ee" * 32), [CLEAN], actor="ana")
    api = lineage.deploy("api", model, actor="ana")
    findings = [
        Verdict("reidentification.linkage", "held", "at most 4 %", (data.number,)),
        Verdict("evasion.pgd", "broken", "1 in 3", (model, api)),
    ]
    made = lineage.assess("a" * 64, "credit", "broken", findings, actor="ci", location="a.json")
    (one,) = recorded.assessments(lineage.store)
    assert (one.number, one.system, one.verdict, one.actor) == (made, "credit", "broken", "ci")
    assert (one.digest, one.location) == ("a" * 64, "a.json")
    assert [
        (found.assessment, found.attack, found.verdict, found.concerns, found.reason)
        for found in (recorded.findings(lineage.store))
    ] == [
        (made, "reidentification.linkage", "held", f"crm.train@{CLEAN.digest[:12]}", "at most 4 %"),
        (made, "evasion.pgd", "broken", "churn@" + "ee" * 6, "1 in 3"),
        (made, "evasion.pgd", "broken", "api", "1 in 3"),
    ]


def test_purposes_say_how_many_runs_served_them(lineage: Lineage) -> None:
    lineage.purpose("report", actor="ana", about="figures for the board")
    lineage.record(deidentify())
    lineage.record(replace(deidentify(), finished=NOON))
    assert [(one.name, one.about, one.runs) for one in recorded.purposes(lineage.store)] == [
        ("report", "figures for the board", 0),
        ("train_churn", "", 2),
    ]


def test_key_epochs_are_those_that_runs_used_and_those_that_were_told(lineage: Lineage) -> None:
    lineage.record(deidentify())
    lineage.record(deidentify())
    lineage.record(replace(deidentify(), key_epoch="2026Q4", purpose=""))
    lineage.record(opaque())
    lineage.key_epoch("train_churn", "2026Q3", actor="ana", status="shredded")
    found = [(one.of, one.epoch, one.status) for one in recorded.epochs(lineage.store)]
    assert found == [
        ("", "2026Q4", "used by 1 run"),
        ("train_churn", "2026Q3", "used by 2 runs"),
        ("train_churn", "2026Q3", "shredded"),
    ]


def test_an_empty_lineage_holds_nothing(lineage: Lineage) -> None:
    for ask in (recorded.runs, recorded.assessments, recorded.findings, recorded.purposes, recorded.epochs):
        assert ask(lineage.store) == []
