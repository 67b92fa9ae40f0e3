"""casemate profile: what it prints and writes, and how it fails."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from casemate.controls.privacy.policy import read_policy
from cli.conftest import Run


@pytest.fixture
def people(here: Path) -> Path:
    rng = np.random.default_rng(0)
    rows = 120
    pl.DataFrame(
        {
            "person_id": np.arange(100, 100 + rows),
            "full_name": [f"Zebulon Smith{'x' * (i % 3)}" for i in range(rows)],
            "age": rng.integers(18, 90, rows),
            "sex": rng.choice(["female", "male"], rows),
            "postcode": rng.integers(10000, 10030, rows),
            "disease": rng.choice(["flu", "cold", "gout"], rows),
            "churned": rng.integers(0, 2, rows),
        }
    ).write_csv(here / "people.csv")
    return here / "people.csv"


def test_the_worst_comes_first_and_no_value_is_shown(run: Run, people: Path) -> None:
    code, out, err = run("profile", "people.csv", "--target", "churned")
    assert code == 0
    assert out.splitlines()[0] == "2 columns identify people or rows directly: person_id and full_name."
    assert "Risk of being found by age, sex and postcode" in out
    assert "Zebulon" not in out
    assert "policy=privacy.toml" in err


def test_every_output(run: Run, people: Path, here: Path) -> None:
    words = ("--output", "html=p.html", "-o", "json=p.json", "-o", "policy=privacy.toml")
    code, out, err = run("profile", "people.csv", *words, "--sample-fraction", "0.1", "--subject", "person_id")
    assert code == 0
    assert err == "wrote p.html\nwrote p.json\nwrote privacy.toml\n"
    assert "journalist" in out
    record = json.loads((here / "p.json").read_text())
    assert (record["version"], record["rows"], len(record["columns"])) == (1, 120, 7)
    assert record["risk"]["population"]["fraction"] == 0.1
    assert read_policy(here).declared.subject_key == "person_id"
    for path in ("p.html", "p.json", "privacy.toml"):
        assert "Zebulon" not in (here / path).read_text()


def test_a_policy_is_never_overwritten_unasked(run: Run, people: Path, here: Path) -> None:
    (here / "privacy.toml").write_text("mine")
    code, out, err = run("profile", "people.csv", "-o", "policy=privacy.toml")
    assert (code, out) == (2, "")
    assert "privacy.toml exists" in err
    assert (here / "privacy.toml").read_text() == "mine"
    assert run("profile", "people.csv", "-o", "policy=privacy.toml", "--force")[0] == 0
    assert read_policy(here)


def test_parquet(run: Run, people: Path, here: Path) -> None:
    pl.read_csv(people).write_parquet(here / "p.parquet")
    code, out, _ = run("profile", "p.parquet")
    assert code == 0
    assert "person_id" in out


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("none.csv",), "there is no file none.csv"),
        (("people.csv", "-o", "hmtl=x"), "Did you mean 'html'"),
        (("people.csv", "-o", "html"), "not FORMAT=PATH"),
        (("people.csv", "-o", "html=."), "is a folder"),
        (("people.csv", "-o", "html=none/x.html"), "does not exist"),
        (("people.csv", "--target", "churnd"), "Did you mean 'churned'"),
        (("people.csv", "--subject", "persn_id"), "Did you mean 'person_id'"),
        (("people.csv", "--sample-fraction", "0"), "no share of a population"),
        (("people.csv", "--sample-fraction", "nan"), "no share of a population"),
        (("bad.csv",), "not UTF-8"),
        (("empty.csv",), "no rows"),
        (("head.csv",), "no rows"),
        (("short.csv",), "this row has 1 fields"),
    ],
)
def test_failures(run: Run, people: Path, here: Path, words: tuple[str, ...], told: str) -> None:
    (here / "bad.csv").write_bytes(b"name,age\nJ\xfcrgen,3\n")
    (here / "empty.csv").write_bytes(b"")
    (here / "head.csv").write_text("name,age\n")
    (here / "short.csv").write_text("name,age\nA,1\nB\n")
    code, out, err = run("profile", *words)
    assert (code, out) == (2, "")
    assert told in err
    assert not list(here.glob("*.html"))


def test_odd_tables(run: Run, here: Path) -> None:
    (here / "odd.csv").write_text('"<b>\x1b[31m",one\n1,x\nx,\n,z\n')
    code, out, _ = run("profile", "odd.csv", "-o", "html=odd.html", "-o", "policy=odd.toml")
    assert code == 0
    assert "\x1b" not in out
    assert "\x1b" not in (here / "odd.html").read_text()
    assert set(read_policy(here / "odd.toml").columns) == {"<b>\x1b[31m", "one"}


def test_what_was_read_is_traced(run: Run, here: Path) -> None:
    from casemate.core.digests import file_digest
    from casemate.lineage import Lineage

    (here / "people.csv").write_text("name,age\nann,3\nbob,4\n")
    assert run("profile", "people.csv")[0] == 0
    with Lineage.open(here / ".casemate" / "lineage.db", create=False) as lineage:
        assert lineage.find("people")[0].digest == file_digest(here / "people.csv")
