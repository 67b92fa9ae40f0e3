import json
import shutil
from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal
from sqlalchemy import select

from casemate.controls.encryption import open_parquet, open_store
from casemate.lineage import Lineage, recorded
from cli.conftest import Run
from cli.released import PASSPHRASE, POLICY, population

RULES = (
    POLICY.replace('[columns.age]\nrole = "quasi-identifier"', '[columns.age]\nrole = "feature"')
    .replace('[columns.sex]\nrole = "quasi-identifier"', '[columns.sex]\nrole = "feature"')
    .replace(
        "[gate]", '[columns.card]\nrole = "identifier"\npseudonym = { kind = "ff1", reversible-by = ["dpo"] }\n[gate]'
    )
)
HASHED = RULES.replace('kind = "aes-siv", reversible-by = ["dpo"]', 'kind = "hmac"').replace(
    'role = "identifier"\npseudonym = { kind = "ff1", reversible-by = ["dpo"] }', 'role = "identifier"\ndrop = true'
)
SEALED = '[encryption]\nat-rest = "parquet"\n[encryption.groups]\nhealth = ["illness"]\n'
ROTATE = ("--as", "dpo", "--why", "yearly rotation")


def people() -> pl.DataFrame:
    return population(300).with_columns(card=pl.int_range(4_000_000_000, 4_000_000_300).cast(pl.String))


def release(run: Run, output: str, *words: str) -> None:
    told = run("deidentify", "people.csv", "--purpose", "train", "-o", output, "--allow-broken", "x", "--quiet", *words)
    assert told[0] == 0, told[2]


def epoch(folder: Path, name: str) -> None:
    """Give the purpose another key epoch."""
    path = folder / "privacy.toml"
    path.write_text(path.read_text().replace('key-epoch = "e1"', f'key-epoch = "{name}"'))


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a table released under e1 and under e2, and a policy that says e2."""
    from casemate.cli import main

    folder = tmp_path_factory.mktemp("released")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setenv("CASEMATE_KEYS_PASSPHRASE", PASSPHRASE)
        patch.delenv("CASEMATE_LINEAGE", raising=False)
        people().write_csv(folder / "people.csv")
        (folder / "privacy.toml").write_text(RULES)
        open_store("file:keys.casemate", root=folder).create("crm.people")
        common = ["deidentify", "people.csv", "--purpose", "train", "--allow-broken", "test", "--quiet"]
        for output in ("old.parquet", "old.csv"):
            assert main([*common, "--output", output]) == 0
        epoch(folder, "e2")
        for output in ("fresh.parquet", "fresh.csv"):
            assert main([*common, "--output", output]) == 0
    return folder


@pytest.fixture
def town(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    shutil.copytree(made, tmp_path / "town")
    monkeypatch.chdir(tmp_path / "town")
    monkeypatch.setenv("CASEMATE_KEYS_PASSPHRASE", PASSPHRASE)
    monkeypatch.delenv("CASEMATE_LINEAGE", raising=False)
    monkeypatch.setenv("CASEMATE_ACTOR", "ada")
    return tmp_path / "town"


def last_run(town: Path) -> recorded.RecordedRun:
    with Lineage.open(town / ".casemate" / "lineage.db") as lineage:
        assert lineage.verify().entries
        return recorded.runs(lineage.store)[-1]


def test_the_table_is_as_if_it_were_released_under_the_new_epoch(run: Run, town: Path) -> None:
    code, out, err = run("rekey", "old.parquet", "--output", "new.parquet", *ROTATE)
    assert (code, out) == (0, ""), err
    assert err == "wrote new.parquet: person, card from epoch e1 to e2\n"
    assert (town / "new.parquet").read_bytes() == (town / "fresh.parquet").read_bytes()
    assert not set(pl.read_parquet(town / "old.parquet")["person"]) & set(
        pl.read_parquet(town / "new.parquet")["person"]
    )
    assert sorted(path.name for path in town.iterdir() if "new" in path.name) == [
        "new.parquet",
        "new.parquet.release.json",
    ]


def test_text_stays_the_text_that_it_was(run: Run, town: Path) -> None:
    assert run("rekey", "old.csv", "--output", "new.csv", *ROTATE)[0] == 0
    assert (town / "new.csv").read_bytes() == (town / "fresh.csv").read_bytes()


def test_what_was_rekeyed_can_be_turned_back(run: Run, town: Path) -> None:
    assert run("rekey", "old.parquet", "--output", "new.parquet", *ROTATE)[0] == 0
    record = json.loads((town / "new.parquet.release.json").read_text())
    assert record["plan"]["key-epoch"] == "e2"
    assert record["gate"] == json.loads((town / "old.parquet.release.json").read_text())["gate"]
    (told,) = record["rekeyed"]
    assert (told["from"], told["to"]) == ("e1", "e2")
    for column, values in (("person", people()["person"]), ("card", people()["card"])):
        code, out, _ = run("reidentify", "new.parquet", "--column", column, "--as", "dpo", "--why", "a test")
        assert code == 0
        assert {line.split("\t")[1] for line in out.splitlines()} == set(values)
    assert run("rekey", "new.parquet", "--output", "newer.parquet", "--to", "e3", *ROTATE)[0] == 0
    assert len(json.loads((town / "newer.parquet.release.json").read_text())["rekeyed"]) == 2


def test_it_is_recorded_with_columns_and_epochs_and_people_are_still_found(run: Run, town: Path) -> None:
    assert run("rekey", "old.parquet", "--output", "new.parquet", "--to", "e3", *ROTATE)[0] == 0
    last = last_run(town)
    assert (last.job, last.status, last.actor, last.purpose, last.key_epoch) == (
        "casemate rekey",
        "complete",
        "ada",
        "train",
        "e3",
    )
    with Lineage.open(town / ".casemate" / "lineage.db") as lineage:
        lineage.subjects.refresh()
        held = {thing.number for thing in lineage.find("crm.people.train")} & set(lineage.subjects.holders("p00017"))
        assert len(held) == 5  # four releases, and one that was re-keyed
        graph = lineage.graph()
        edges = {
            (graph.by_id[edge.source].name, graph.by_id[edge.target].name): (edge.transformation, edge.why)
            for edge in graph.edges
            if edge.run == f"run:{last.entry}" and edge.kind == "direct"
        }
        assert edges["person", "person"] == ("rekey:aes-siv", "yearly rotation")
        assert edges["age", "age"] == ("identity", "it stays as it was")
    content = (town / ".casemate" / "lineage.db").read_bytes()
    assert pl.read_parquet(town / "new.parquet")["person"][0].encode() not in content


def test_a_map_says_what_takes_the_place_of_what(run: Run, town: Path) -> None:
    code, _, err = run("rekey", "old.parquet", "--map", "map.csv", "--column", "person", *ROTATE)
    assert code == 0, err
    assert (town / "map.csv").stat().st_mode & 0o077 == 0
    found = pl.read_csv(town / "map.csv")
    old, new = (pl.read_parquet(town / name)["person"] for name in ("old.parquet", "fresh.parquet"))
    assert dict(found.select("old", "new").iter_rows()) == dict(zip(old, new, strict=True))
    assert set(found["column"]) == {"person"}
    assert run("rekey", "old.parquet", "--map", "all.parquet", "--quiet", *ROTATE)[0] == 0
    assert pl.read_parquet(town / "all.parquet")["column"].value_counts().sort("column").rows() == [
        ("card", 300),
        ("person", 300),
    ]
    assert last_run(town).status == "complete"


def test_hashes_are_found_again_in_the_raw_table(run: Run, town: Path) -> None:
    (town / "privacy.toml").write_text(HASHED)
    release(run, "h1.parquet")
    epoch(town, "e2")
    release(run, "h2.parquet")
    words = ("rekey", "h1.parquet", "--output", "new.parquet", "--why", "yearly rotation")
    code, _, err = run(*words)
    assert code == 2
    assert "cannot be re-keyed without the values they stand for" in err
    assert last_run(town).status == "failed"
    assert run(*words, "--raw", "people.csv")[0] == 0  # no role: nothing is turned back
    assert_frame_equal(pl.read_parquet(town / "new.parquet"), pl.read_parquet(town / "h2.parquet"))
    people().head(100).write_csv(town / "some.csv")
    code, _, err = run(*words, "--raw", "some.csv")
    assert code == 2
    assert "200 pseudonyms stand for none of the values" in err
    people().drop("person").write_csv(town / "other.csv")
    assert "has no column 'person'" in run(*words, "--raw", "other.csv")[2]


def test_a_sealed_table_is_sealed_again(run: Run, town: Path) -> None:
    (town / "privacy.toml").write_text(RULES + SEALED)
    store = open_store("file:keys.casemate", root=town)
    for key in ("crm.people.health", "crm.people.rest"):
        store.create(key)
    release(run, "s1.parquet")
    epoch(town, "e2")
    code, _, err = run("rekey", "s1.parquet", "--output", "s2.parquet", *ROTATE)
    assert code == 0, err
    with pytest.raises(pl.exceptions.PolarsError):
        pl.read_parquet(town / "s2.parquet")
    assert_frame_equal(open_parquet(town / "s2.parquet", store), pl.read_parquet(town / "fresh.parquet"))
    assert "only a Parquet file can hold" in run("rekey", "s1.parquet", "--output", "s2.csv", *ROTATE)[2]


def test_a_table_that_is_sealed_as_a_whole_is_sealed_so_again(run: Run, town: Path) -> None:
    from casemate.controls.encryption import unseal_file

    (town / "privacy.toml").write_text((town / "privacy.toml").read_text() + '[encryption]\nat-rest = "envelope"\n')
    assert run("rekey", "old.csv", "--output", "new.csv", *ROTATE)[0] == 0
    unseal_file(town / "new.csv", town / "plain.csv", open_store("file:keys.casemate", root=town))
    assert (town / "plain.csv").read_bytes() == (town / "fresh.csv").read_bytes()


@pytest.mark.parametrize("role", [(), ("--as", "marketing")])
def test_others_are_refused_and_the_attempt_is_recorded(role: tuple[str, ...], run: Run, town: Path) -> None:
    code, _, err = run("rekey", "old.parquet", "--output", "new.parquet", "--why", "because", *role)
    assert code == 2
    assert "may not turn back 'person'; the policy allows: dpo" in err
    assert not (town / "new.parquet").exists()
    assert last_run(town).status == "failed"


def test_a_wrong_epoch_writes_nothing_and_ff1_is_warned_about(run: Run, town: Path) -> None:
    (town / "new.parquet").write_text("old")
    code, _, err = run("rekey", "old.parquet", "--output", "new.parquet", "--from", "e0", *ROTATE)
    assert code == 2
    assert "note: pseudonyms of the kind ff1 do not show whether card is really of epoch e0" in err
    assert "a pseudonym does not open" in err
    assert (town / "new.parquet").read_text() == "old"
    assert last_run(town).status == "failed"
    assert not [path for path in town.iterdir() if path.name.startswith(".new")]


def test_an_interruption_and_a_full_disk_leave_nothing(run: Run, town: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from casemate.controls.deidentification import sink

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(sink.os, "fsync", full)
    before = {path.name for path in town.iterdir()}
    code, _, err = run("rekey", "old.parquet", "--output", "new.parquet", *ROTATE)
    assert (code, "No space left" in err) == (2, True)
    assert last_run(town).status == "failed"

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("casemate.controls.deidentification.rekeying._pairs", interrupted)
    code, _, err = run("rekey", "old.parquet", "--output", "new.parquet", *ROTATE)
    assert (code, "nothing was written: new.parquet is as it was" in err) == (2, True)
    assert {path.name for path in town.iterdir()} == before


def test_lineage_comes_first(run: Run, town: Path) -> None:
    (town / "broken.db").write_text("this is no database, and long enough to be looked at as one" * 40)
    assert run("rekey", "old.parquet", "--output", "new.parquet", *ROTATE, "--lineage", "broken.db")[0] == 2
    assert not (town / "new.parquet").exists()


def test_without_a_record_purpose_and_epoch_must_be_said(run: Run, town: Path) -> None:
    (town / "old.parquet.release.json").unlink()
    words = ("rekey", "old.parquet", "--output", "new.parquet", *ROTATE)
    assert "nobody says which purpose" in run(*words)[2]
    assert "nobody says which key epoch" in run(*words, "--purpose", "train")[2]
    assert run(*words, "--purpose", "train", "--from", "e1")[0] == 0
    assert not (town / "new.parquet.release.json").exists()


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ((), "give --output TABLE, or --map FILE"),
        (("--output", "a.parquet", "--map", "b.csv"), "give --output TABLE, or --map FILE"),
        (("--output", "a.parquet", "--column", "person"), "is re-keyed as a whole"),
        (("--output", "old.parquet"), "the output is the table itself"),
        (("--output", "."), "is a folder"),
        (("--output", "a.parquet", "--to", "e1"), "is of the key epoch 'e1' already"),
        (("--output", "a.parquet", "--purpose", "trian"), "Did you mean 'train'"),
        (("--output", "a.parquet", "--raw", "people.csv"), "no raw table is needed"),
        (("--map", "a.csv", "--column", "persn"), "Did you mean 'person'"),
        (("--map", "a.csv", "--column", "age"), "gives no pseudonyms"),
        (("--output", "a.parquet", "--why", " "), "--why needs a reason"),
    ],
)
def test_mistakes(words: tuple[str, ...], told: str, run: Run, town: Path) -> None:
    given = words if "--why" in words else (*words, "--why", "a test")
    code, out, err = run("rekey", "old.parquet", "--as", "dpo", *given)
    assert (code, out) == (2, "")
    assert told in err


def test_a_text_file_becomes_no_parquet_and_a_table_without_pseudonyms_nothing(run: Run, town: Path) -> None:
    assert "name the output .csv" in run("rekey", "old.csv", "--output", "new.parquet", *ROTATE)[2]
    assert run("deidentify", "people.csv", "--purpose", "open", "--output", "open.csv", "--allow-broken", "x")[0] == 0
    code, _, err = run("rekey", "open.csv", "--output", "new.csv", "--from", "e1", "--to", "e2", *ROTATE)
    assert (code, "has no column of pseudonyms" in err) == (2, True)


def test_statuses_are_those_of_all_attempts(run: Run, town: Path) -> None:
    from casemate.store.tables import metadata

    run("rekey", "old.parquet", "--output", "new.parquet", "--why", "because")
    run("rekey", "old.parquet", "--output", "new.parquet", *ROTATE)
    with Lineage.open(town / ".casemate" / "lineage.db") as lineage, lineage.store.reading() as connection:
        found = list(connection.execute(select(metadata.tables["run"].c.status)).scalars())
    assert found[-2:] == ["failed", "complete"]
