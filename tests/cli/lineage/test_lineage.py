import json
import stat
import subprocess
import sys
from pathlib import Path
from typing import get_args

import polars as pl
import pytest

from casemate.cli.lineage import HOMES, NAMES, VERBS
from casemate.cli.lineage.listing import What
from casemate.lineage import Lineage
from casemate.lineage.things import Verdict
from cli.conftest import Run

LINES = {verb: line for verbs in VERBS.values() for verb, line in verbs.items()}
STORE = Path(".casemate") / "lineage.db"


@pytest.fixture
def filled(here: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a table, a model trained on it, a deployment and a consumer."""
    monkeypatch.setenv("CASEMATE_ACTOR", "anna")
    monkeypatch.delenv("CASEMATE_LINEAGE", raising=False)
    pl.DataFrame({"who": [f"person-{i:05d}" for i in range(50)], "x": range(50)}).write_csv(here / "people.csv")
    (here / "model.bin").write_bytes(b"model")
    for words in (
        ("add", "dataset", "crm.people", "--file", "people.csv"),
        ("index", "crm.people", "--column", "who"),
        ("add", "model", "credit", "--file", "model.bin", "--of", "crm.people", "--about", "scores"),
        ("add", "deployment", "prod", "--of", "credit", "--location", "https://prod"),
        ("add", "consumer", "shop", "--of", "prod"),
    ):
        code, _, err = run("lineage", *words)
        assert code == 0, err
    return here


def words_of(out: str) -> list[list[str]]:
    return [line.split("\t") for line in out.splitlines()]


@pytest.mark.parametrize("verb", LINES)
def test_every_sub_verb_says_of_itself_what_the_help_says(run: Run, verb: str) -> None:
    import importlib
    import inspect

    module = importlib.import_module(f"casemate.cli.lineage.{HOMES.get(verb, verb.replace('-', '_'))}")
    function = getattr(module, NAMES.get(verb, "command"))
    doc = inspect.getdoc(function)
    assert doc is not None
    assert doc.splitlines()[0] == LINES[verb]
    for name in inspect.signature(function).parameters:
        assert f"\n    {name}: " in doc
    code, out, _ = run("lineage", verb, "--help")
    assert code == 0
    assert LINES[verb] in " ".join(out.split())
    assert f"\n  {verb} " in run("lineage", "--help")[1]


def test_help_imports_no_database() -> None:
    program = (
        "import sys; from casemate.cli import main; main(['lineage', '--help']); "
        "print('IMPORTED', *sorted(sys.modules), file=sys.stderr)"
    )
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    names = set(ran.stderr.split("IMPORTED")[1].split())
    assert not names & {"sqlalchemy", "alembic", "numpy", "polars", "cryptography"}


def test_an_overview_and_what_there_is(filled: Path, run: Run) -> None:
    code, out, _ = run("lineage")
    assert code == 0
    found = dict(words_of(out))
    assert (found["datasets"], found["columns"], found["models"]) == ("1", "2", "1")
    assert "the chain holds" in found["entries"]
    assert stat.S_IMODE(STORE.stat().st_mode) == 0o600
    assert [row[0].partition("@")[0] for row in words_of(run("lineage", "list", "models")[1])] == ["credit"]
    assert [d["name"] for d in json.loads(run("lineage", "list", "columns", "--json")[1])] == ["who", "x"]


def test_what_is_no_node_is_listed_too(filled: Path, run: Run) -> None:
    with Lineage.open(STORE) as lineage:
        number = lineage.find("crm.people")[0].number
        lineage.assess("a" * 64, "loans", "held", [Verdict("x.y", "held", "at most\n4 %", (number,))], actor="ci")
        lineage.purpose("training", actor="anna", about="churn")
        lineage.key_epoch("training", "2026Q4", actor="anna")
    listed = {what: words_of(run("lineage", "list", what)[1]) for what in get_args(What)}
    assert all(listed.values())
    assert [row[1:3] for row in listed["runs"]] == [["casemate lineage add", "complete"], ["train", "complete"]]
    assert listed["assessments"][0][1:3] == ["loans", "held"]
    assert listed["findings"][0][1:3] == ["x.y", "held"]
    assert listed["findings"][0][3].startswith("crm.people@")
    assert listed["findings"][0][4] == "at most 4 %"
    assert listed["purposes"] == [["training", "churn", "0"]]
    assert listed["key-epochs"][0][:3] == ["training", "2026Q4", "begun"]
    (one,) = json.loads(run("lineage", "list", "key-epochs", "--json")[1])
    assert (one["of"], one["epoch"], one["status"]) == ("training", "2026Q4", "begun")


def test_what_something_touched_and_where_it_came_from(filled: Path, run: Run) -> None:
    code, out, _ = run("lineage", "downstream", "crm.people:x")
    assert code == 0
    assert [row[0].partition("@")[0] for row in words_of(out)] == ["credit", "prod", "shop"]
    out = run("lineage", "upstream", "shop", "--columns")[1]
    assert [row[0].partition("@")[0] for row in words_of(out)][:3] == ["prod", "credit", "crm.people"]
    assert [row[2] for row in words_of(out)] == ["1", "2", "3", "3", "3"]
    code, _, err = run("lineage", "upstream", "shpo")
    assert code == 2
    assert "Did you mean 'shop'?" in err


def test_the_way_is_shown_and_written(filled: Path, run: Run) -> None:
    code, out, err = run("lineage", "show", "-o", "html=way.html", "-o", "json=way.json")
    assert code == 0
    assert [(row[0], row[1], row[2].partition("@")[0]) for row in words_of(out)] == [
        ("0", "dataset", "crm.people"),
        ("1", "model", "credit"),
        ("2", "deployment", "prod"),
        ("3", "consumer", "shop"),
    ]
    assert err.splitlines() == ["wrote way.html", "wrote way.json"]
    assert "crm.people" in (filled / "way.html").read_text()
    assert {node["name"] for node in json.loads((filled / "way.json").read_text())["nodes"]} >= {"credit", "prod"}
    assert run("lineage", "show", "prod", "-o", "html=prod.html")[0] == 0
    for wrong in ("htm=x", "html=", "html=no/where.html"):
        assert run("lineage", "show", "-o", wrong)[0] == 2


def test_a_person_is_found_erased_and_proven_erased(filled: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    who = "person-00007"
    code, out, _ = run("lineage", "subject", who)
    assert code == 1
    assert [row[0].partition("@")[0] for row in words_of(out)] == ["crm.people", "credit", "prod", "shop"]
    code, out, _ = run("lineage", "erase", who, "--dry-run")
    assert code == 0
    assert words_of(out)[0][1:3] == ["rewrite", "1"]
    assert words_of(out)[1][4] == "not decided"
    code, _, err = run("lineage", "erase", who, "--reason", "request 3", "--yes")
    assert code == 2
    assert "--model NAME=" in err
    code, _, err = run("lineage", "erase", who, "--reason", "request 3")
    assert code == 2
    assert "--dry-run" in err
    decided = ("--model", "credit=retrain:nightly", "--reason", "request 3", "--yes", "--receipt", "r.json")
    code, out, err = run("lineage", "erase", who, *decided)
    assert code == 0, err
    assert out.splitlines()[-2:] == ["Erased.", "receipt r.json"]
    assert who not in (filled / "people.csv").read_text()
    assert run("lineage", "subject", who)[:2] == (0, "")
    code, out, _ = run("lineage", "verify-receipt", "r.json", "--subject", who)
    assert code == 0
    assert "by anna: request 3" in out
    assert run("lineage", "verify-receipt", "r.json", "--subject", "person-00008")[0] == 1
    key = json.loads((filled / "r.json").read_text())["key"]
    assert run("lineage", "verify-receipt", "r.json", "--alone", "--key", key)[0] == 0
    assert run("lineage", "verify-receipt", "r.json", "--alone", "--key", "00" * 32)[0] == 1
    (filled / "r.json").write_text((filled / "r.json").read_text().replace("request 3", "request 4"))
    assert run("lineage", "verify-receipt", "r.json")[0] == 1


def test_an_id_may_come_from_stdin(filled: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    import io

    monkeypatch.setattr(sys, "stdin", io.StringIO("person-00003\n"))
    assert run("lineage", "subject", "-")[0] == 1
    monkeypatch.setattr(sys, "stdin", io.StringIO(""))
    code, _, err = run("lineage", "subject", "-")
    assert (code, "empty" in err) == (2, True)


def test_something_left_behind_is_exit_code_three(filled: Path, run: Run) -> None:
    (filled / "people.csv").rename(filled / "elsewhere.csv")
    decided = ("--model", "accepted-risk:small", "--reason", "request 3", "--yes")
    code, out, err = run("lineage", "erase", "person-00001", *decided)
    assert code == 3
    assert "Not everything" in out
    assert "not reached: crm.people@" in err
    (receipt,) = (filled / ".casemate" / "lineage.db.files" / "receipts").iterdir()
    assert run("lineage", "verify-receipt", receipt)[0] == 3


def test_sealed_parquet_is_sealed_again(filled: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    from casemate.controls.encryption import open_store
    from casemate.controls.encryption.parquet import dataset_keys, seal_parquet
    from casemate.controls.encryption.parquet_reading import open_parquet

    monkeypatch.setenv("CASEMATE_KEYS_PASSPHRASE", "correct horse battery staple")
    keys = open_store("file:keys.casemate", root=filled, passphrase=lambda: "correct horse battery staple")
    groups, rest = dataset_keys("crm.sealed", {"ids": ("who",)})
    for name in (*groups, rest):
        keys.create(name)
    table = pl.read_csv(filled / "people.csv")
    seal_parquet(table, filled / "sealed.parquet", groups, keys, rest=rest)
    (filled / "privacy.toml").write_text(
        'dataset = "crm.sealed"\n[columns]\nwho = { role = "identifier" }\nx = { role = "feature" }\n'
        '[encryption]\nat-rest = "parquet"\n[encryption.groups]\nids = ["who"]\n'
    )
    run("lineage", "add", "dataset", "crm.sealed", "--file", "sealed.parquet", "--of", "crm.people")
    assert run("lineage", "index", "crm.sealed", "--column", "who", "--file", "people.csv")[0] == 0
    common = ("--reason", "r 1", "--yes", "--model", "retrain:x")
    code, _, err = run("lineage", "erase", "person-00002", *common, "--policy", "privacy.toml")
    assert (code, "give --keys" in err) == (2, True)
    code, out, err = run(
        "lineage", "erase", "person-00002", *common, "--policy", "privacy.toml", "--keys", "file:keys.casemate"
    )
    assert code == 0, (out, err)
    left = open_parquet(filled / "sealed.parquet", keys)["who"].to_list()
    assert len(left) == 49
    assert "person-00002" not in left
    code, _, err = run(
        "lineage", "erase", "person-00004", *common, "--shred", f"crm.sealed={rest}", "--keys", "file:keys.casemate"
    )
    assert code == 0, err
    assert [one.name for one in keys.shreddings()] == [rest]


def test_openlineage_goes_out_and_comes_in(filled: Path, run: Run) -> None:
    assert run("lineage", "export", "events.jsonl")[0] == 0
    code, out, _ = run("lineage", "export")
    assert code == 0
    assert [json.loads(line) for line in out.splitlines()]
    code, _, err = run("lineage", "import", "events.jsonl", "--store", "copy.db")
    assert code == 0, err
    assert "known" not in err
    code, _, err = run("lineage", "import", "events.jsonl", "--store", "copy.db")
    assert code == 0
    assert err.startswith("took in 0 runs, 0 models, 0 deployments and 0 consumers; 4 were known already")
    assert run("lineage", "import", "events.jsonl")[2] == err
    out = run("lineage", "downstream", "crm.people:x", "--store", "copy.db")[1]
    assert [row[0].partition("@")[0] for row in words_of(out)] == ["credit", "prod", "shop"]
    (filled / "bad.jsonl").write_text('{"a": 1}\nnonsense\n')
    assert run("lineage", "import", "bad.jsonl", "--store", "copy.db")[0] == 2
    assert run("lineage", "import", "none.jsonl", "--store", "copy.db")[0] == 2


def test_a_chain_that_was_changed_is_exit_code_one(filled: Path, run: Run) -> None:
    code, out, _ = run("lineage", "verify")
    assert code == 0
    head = out.splitlines()[-1].removeprefix("head ")
    assert run("lineage", "verify", "--head", head)[0] == 0
    assert run("lineage", "verify", "--head", "0" * 64)[0] == 1
    import sqlite3

    with sqlite3.connect(STORE) as raw:
        raw.execute("DROP TRIGGER job_keeps")
        raw.execute("UPDATE job SET name = 'nothing' WHERE entry = 1")
    raw.close()
    code, _, err = run("lineage", "verify")
    assert code == 1
    assert "entry 1 of the lineage is not what was recorded" in err


def test_the_store_is_found_in_a_folder_above_and_by_the_environment(
    filled: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    (filled / "deep" / "er").mkdir(parents=True)
    monkeypatch.chdir(filled / "deep" / "er")
    assert run("lineage", "list")[1].startswith("crm.people@")
    monkeypatch.setenv("CASEMATE_LINEAGE", str(filled / "other.db"))
    code, _, err = run("lineage", "list")
    assert (code, "there is no store of lineage" in err) == (2, True)
    with Lineage.open(filled / "other.db"):
        pass
    assert run("lineage", "list")[:2] == (0, "")


MISTAKES = [
    (["subjec"], "Did you mean 'subject'?"),
    (["add", "model", "m"], "needs its file"),
    (["add", "dataset", "d", "--file", "none.csv"], "no file 'none.csv'"),
    (["add", "deployment", "d"], "what does the deployment use?"),
    (["add", "deployment", "d", "--of", "crm.people"], "is a dataset"),
    (["add", "consumer", "c", "--of", "prod", "--file", "people.csv"], "has no file"),
    (["index", "crm.people", "--column", "whom"], "Did you mean 'who'?"),
    (["index", "credit", "--column", "who"], "is a model"),
    (["erase", "x", "--model", "credit=forget:x"], "no choice"),
    (["erase", "x", "--model", "credit"], "no choice"),
    (["erase", "x", "--shred", "=k"], "not NAME=VALUE"),
    (["verify-receipt", "people.csv"], "no receipt"),
    (["verify-receipt", "people.csv", "--alone"], "no receipt"),
]


def test_mistakes_are_told_with_what_to_do(filled: Path, run: Run) -> None:
    for words, told in MISTAKES:
        code, _, err = run("lineage", *words)
        assert code == 2, words
        assert told in err


def test_a_wrong_file_is_not_indexed(filled: Path, run: Run) -> None:
    pl.DataFrame({"who": ["a"]}).write_csv(filled / "short.csv")
    code, _, err = run("lineage", "index", "crm.people", "--column", "who", "--file", "short.csv")
    assert (code, "has 1 rows" in err) == (2, True)
    (filled / "people.csv").write_text("who,x\nz,1\n")
    code, _, err = run("lineage", "index", "crm.people", "--column", "who")
    assert (code, "another version" in err) == (2, True)
