import json
from html import unescape
from pathlib import Path

import polars as pl
import pytest
from sqlalchemy import select

from casemate.controls.deidentification import engines, sink
from casemate.controls.encryption import open_parquet, open_store
from casemate.lineage import Lineage
from cli.conftest import Run
from cli.released import PASSPHRASE, POLICY, lay_out, population

OPEN = ("deidentify", "people.csv", "--purpose", "open")


@pytest.fixture
def town(here: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("CASEMATE_KEYS_PASSPHRASE", PASSPHRASE)
    monkeypatch.delenv("CASEMATE_LINEAGE", raising=False)
    monkeypatch.setenv("CASEMATE_ACTOR", "ada")
    lay_out(here)
    return here


def runs(town: Path) -> list[dict[str, str]]:
    """The recorded runs: job, status, and facts by name."""
    from casemate.store.tables import metadata

    with Lineage.open(town / ".casemate" / "lineage.db") as lineage, lineage.store.reading() as connection:
        assert lineage.verify().entries > 0
        tables = metadata.tables
        run = tables["run"]
        return [dict(row) for row in connection.execute(select(run)).mappings()]


def files(town: Path) -> set[str]:
    return {path.name for path in town.iterdir()}


def test_a_release_that_holds_is_written_with_its_record(run: Run, town: Path) -> None:
    code, out, err = run(*OPEN, "--output", "out.parquet", "--report", "html=report.html")
    assert code == 0, out + err
    assert out.startswith("crm.people for open: held. 3,000 rows were written.")
    assert "k = 2" in out
    assert "reidentification.linkage" in out
    published = pl.read_parquet(town / "out.parquet")
    assert published.columns == ["age", "sex", "illness", "left"]
    groups = published.group_by("age", "sex").agg(pl.len(), pl.col("illness").n_unique())
    assert groups["len"].min() >= 20  # type: ignore[operator]
    assert groups["illness"].min() >= 2  # type: ignore[operator]
    record = json.loads((town / "out.parquet.release.json").read_text())
    assert record["guarantee"]["asked"] == {"k": 20, "l": 2, "entropy": False, "t": None}
    assert record["guarantee"]["measured"]["k"] == groups["len"].min()
    assert record["guarantee"]["measured"]["groups"] == groups.height
    assert record["guarantee"]["holds"]
    assert record["gate"]["verdict"] == "held"
    assert record["plan"]["policy-digest"]
    assert len(runs(town)) == 1
    page = unescape((town / "report.html").read_text())
    assert page.startswith("<!")
    assert "casemate deidentify people.csv --purpose open --output out.parquet --report html=report.html" in page
    assert "casemate assess" not in page


def test_the_report_tells_the_command_that_was_run_without_the_address_of_the_lineage(run: Run, town: Path) -> None:
    (town / "rules.toml").write_text((town / "privacy.toml").read_text())
    words = [*OPEN, "--output", "o.csv", "--policy", "rules.toml", "--engine", "disk", "--allow-broken", "a test"]
    assert run(*words, "--report", "markdown=r.md", "--lineage", "secret.db", "--quiet")[0] == 0
    told = (
        "casemate deidentify people.csv --purpose open --output o.csv --policy rules.toml --engine disk "
        "--allow-broken 'a test' --report markdown=r.md"
    )
    assert f"Run it again: `{told}`" in (town / "r.md").read_text()


@pytest.mark.parametrize("engine", ["memory", "disk"])
def test_engines_write_the_same_file(engine: str, run: Run, town: Path) -> None:
    assert run(*OPEN, "--output", "out.parquet", "--engine", engine, "--allow-broken", "test", "--quiet")[0] == 0
    assert run(*OPEN, "--output", "again.parquet", "--allow-broken", "test", "--quiet")[0] == 0
    assert (town / "out.parquet").read_bytes() == (town / "again.parquet").read_bytes()


def test_csv_where_the_name_ends_so(run: Run, town: Path) -> None:
    assert run(*OPEN, "--output", "out.csv", "--quiet")[0] == 0
    assert pl.read_csv(town / "out.csv").columns == ["age", "sex", "illness", "left"]


def test_what_does_not_hold_is_not_written(run: Run, town: Path) -> None:
    weak = POLICY.replace('skip = ["downcoding", ', "skip = [")
    (town / "privacy.toml").write_text(weak)
    (town / "out.parquet").write_text("old")
    code, out, _ = run(*OPEN, "--output", "out.parquet")
    assert code in (1, 3)
    assert "Nothing was written." in out.splitlines()[0]
    assert (town / "out.parquet").read_text() == "old"
    assert "out.parquet.release.json" not in files(town)
    code, out, _ = run(*OPEN, "--output", "out.parquet", "--allow-broken", "the board agreed")
    assert code == 0
    assert "Written all the same: the board agreed" in out
    record = json.loads((town / "out.parquet.release.json").read_text())
    assert record["gate"]["waiver"] == "the board agreed"


def test_a_reason_must_be_given(run: Run, town: Path) -> None:
    code, _, err = run(*OPEN, "--output", "out.parquet", "--allow-broken", " ")
    assert code == 2
    assert "needs a reason" in err


def test_a_dry_run_prints_the_plan_and_touches_nothing(run: Run, town: Path) -> None:
    before = files(town)
    code, out, _ = run(*OPEN, "--dry-run")
    assert code == 0
    assert "4 of 6 columns would be published" in out
    assert "income\tfeature\tdrop\tthe purpose 'open' does not need it" in out
    assert files(town) == before


def test_a_dry_run_needs_no_table(run: Run, town: Path) -> None:
    (town / "people.csv").unlink()
    assert run(*OPEN, "--dry-run")[0] == 0


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda t: t.with_columns(shoe=pl.lit(40)), "does not declare column 'shoe'"),
        (
            lambda t: t.rename({"income": "income_eur"}),
            "'income_eur'",
        ),
        (lambda t: t.drop("income"), "lacks column 'income'"),
        (lambda t: t.with_columns(income=pl.lit("much")), "column 'income' holds text"),
    ],
)
def test_a_drifted_table_is_quarantined(change: object, told: str, run: Run, town: Path) -> None:
    change(population(100)).write_csv(town / "people.csv")  # type: ignore[operator]
    code, _, err = run(*OPEN, "--output", "out.parquet")
    assert code == 2
    assert told in err
    assert "out.parquet" not in files(town)
    assert [row["status"] for row in runs(town)] == ["quarantined"]


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "there are no rows"),
        (b"person,age,sex,illness,income,left\n", "there are no rows"),
        (b"person,age,sex,illness,income,left\np1,30,f,fl\xff,1,0\n", "not UTF-8"),
        (b"person,age,sex,illness,income,left\np1,30,f,flu,1,0\n", "k is 20, but the table has 1 rows"),
        (b"person,age,sex,illness,income,left\np1,30,f\n", "this row has 3 fields"),
    ],
)
def test_bad_tables_say_what_is_wrong_and_leave_nothing(content: bytes, told: str, run: Run, town: Path) -> None:
    (town / "people.csv").write_bytes(content)
    code, _, err = run(*OPEN, "--output", "out.parquet")
    assert code == 2
    assert told in err
    assert not {name for name in files(town) if "out.parquet" in name}


def test_a_missing_table_and_a_missing_policy(run: Run, town: Path) -> None:
    assert "people.csv" in run("deidentify", "peple.csv", "--purpose", "open", "--output", "o.csv")[2]
    assert run(*OPEN, "--output", "o.csv", "--policy", "none.toml")[0] == 2


def test_a_purpose_that_is_not_declared(run: Run, town: Path) -> None:
    code, _, err = run("deidentify", "people.csv", "--purpose", "opne", "--output", "o.csv")
    assert code == 2
    assert "Did you mean 'open'" in err


def test_an_output_that_is_the_table(run: Run, town: Path) -> None:
    code, _, err = run(*OPEN, "--output", "people.csv")
    assert code == 2
    assert "the output is the table itself" in err


def test_keys_that_are_missing_are_all_named(run: Run, town: Path) -> None:
    sealed = POLICY + '[encryption]\nat-rest = "parquet"\n[encryption.groups]\nhealth = ["illness"]\n'
    (town / "privacy.toml").write_text(sealed)
    code, _, err = run("deidentify", "people.csv", "--purpose", "train", "--output", "o.parquet")
    assert code == 2
    assert "there are no keys crm.people, crm.people.health, crm.people.rest" in err
    code, _, err = run("deidentify", "people.csv", "--purpose", "train", "--output", "o.csv")
    assert code == 2
    assert "only a Parquet file can hold" in err


def test_a_wrong_passphrase(run: Run, town: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    open_store("file:keys.casemate", root=town).create("crm.people")
    monkeypatch.setenv("CASEMATE_KEYS_PASSPHRASE", "another one entirely")
    code, _, err = run("deidentify", "people.csv", "--purpose", "train", "--output", "o.parquet")
    assert code == 2
    assert "passphrase" in err


def test_a_sealed_release_opens_with_its_keys_and_can_be_released_again(run: Run, town: Path) -> None:
    sealed = POLICY + '[encryption]\nat-rest = "parquet"\n[encryption.groups]\nhealth = ["illness"]\n'
    (town / "privacy.toml").write_text(sealed)
    store = open_store("file:keys.casemate", root=town)
    for key in ("crm.people", "crm.people.health", "crm.people.rest"):
        store.create(key)
    code, out, err = run(
        "deidentify", "people.csv", "--purpose", "train", "--output", "o.parquet", "--allow-broken", "x"
    )
    assert code == 0, out + err
    with pytest.raises(pl.exceptions.PolarsError):
        pl.read_parquet(town / "o.parquet")
    opened = open_parquet(town / "o.parquet", store)
    assert opened.height == 3000
    assert set(opened["person"]).isdisjoint(population()["person"])
    assert (opened["income"] % 100 == 0).all()
    store.shred("crm.people.health")
    assert open_parquet(town / "o.parquet", store, ["person"]).height == 3000


def test_an_envelope_seals_the_whole_file(run: Run, town: Path) -> None:
    from casemate.controls.encryption import unseal_file

    (town / "privacy.toml").write_text(POLICY + '[encryption]\nat-rest = "envelope"\n')
    store = open_store("file:keys.casemate", root=town)
    store.create("crm.people")
    assert run(*OPEN, "--output", "o.csv", "--quiet")[0] == 0
    assert b"flu" not in (town / "o.csv").read_bytes()
    unseal_file(town / "o.csv", town / "plain.csv", store)
    assert pl.read_csv(town / "plain.csv").height == 3000


def test_people_are_found_in_what_was_released(run: Run, town: Path) -> None:
    assert run(*OPEN, "--output", "out.parquet", "--quiet")[0] == 0
    with Lineage.open(town / ".casemate" / "lineage.db") as lineage:
        lineage.subjects.refresh()
        assert len(lineage.subjects.holders("p00017")) == 2  # the raw table and the released one
        assert lineage.subjects.holders("nobody") == []


def test_an_interruption_leaves_nothing(run: Run, town: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("casemate.assess.release_job.carry_out", interrupted)
    before = files(town)
    code, _, err = run(*OPEN, "--output", "out.parquet")
    assert code == 2
    assert "nothing was written" in err
    assert files(town) == before


def test_a_full_disk_leaves_nothing(run: Run, town: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import errno
    import os

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(sink.os, "fsync", full)
    code, _, err = run(*OPEN, "--output", "out.parquet")
    assert code == 2
    assert "No space left on device" in err
    assert not {name for name in files(town) if "out.parquet" in name}


def test_lineage_that_cannot_be_written_stops_the_release(run: Run, town: Path) -> None:
    (town / "broken.db").write_text("this is no database, and long enough to be looked at as one" * 40)
    code, _, _ = run(*OPEN, "--output", "out.parquet", "--lineage", "broken.db")
    assert code == 2
    assert "out.parquet" not in files(town)


@pytest.mark.parametrize("memory", ["lots", "1MB"])
def test_a_memory_that_means_nothing(memory: str, run: Run, town: Path) -> None:
    assert "no amount of memory" in run(*OPEN, "--output", "o.csv", "--memory", memory)[2]


def test_an_attack_that_there_is_not(run: Run, town: Path) -> None:
    (town / "privacy.toml").write_text(POLICY.replace('skip = ["downcoding"', 'skip = ["linkagge"'))
    code, _, err = run(*OPEN, "--output", "o.csv")
    assert code == 2
    assert "Did you mean" in err


def test_every_engine_has_a_name() -> None:
    assert engines.EngineName.__args__ == ("memory", "disk", "ray")
