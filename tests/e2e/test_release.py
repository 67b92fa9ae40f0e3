"""From a raw table to a released one, through the commands a person would type: profile, deidentify, assess, trace."""

from pathlib import Path

import polars as pl
import pytest

from casemate.cli import main
from casemate.controls.encryption import open_store
from cli.released import PASSPHRASE, population

SYSTEM = """
[system]
name = "people"
[release]
table = "people.csv"
policy = "privacy.toml"
[[controls]]
use = "privacy.pseudonyms"
[[controls]]
use = "privacy.mondrian"
k = 5
"""


def test_profile_deidentify_assess_and_trace(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CASEMATE_KEYS_PASSPHRASE", PASSPHRASE)
    monkeypatch.delenv("CASEMATE_LINEAGE", raising=False)
    population(1500).write_csv("people.csv")
    assert main(["profile", "people.csv", "--output", "policy=privacy.toml"]) == 0
    open_store("file:keys.casemate", root=tmp_path).create("people")

    words = ["deidentify", "people.csv", "--purpose", "training", "--output", "training.parquet"]
    code = main([*words, "--engine", "disk", "--allow-broken", "a test", "--quiet"])
    assert code == 0, capsys.readouterr().err
    released = pl.read_parquet("training.parquet")
    assert set(released["person"]).isdisjoint(population(1500)["person"])
    assert released.group_by("age", "sex").len()["len"].min() >= 5  # type: ignore[operator]
    capsys.readouterr()

    Path("casemate.toml").write_text(SYSTEM)
    assert main(["assess", "--quiet", "--output", "json=assessment.json"]) in (0, 1, 3)
    assert "reidentification.linkage" in Path("assessment.json").read_text()
    assert main(["lineage", "verify"]) == 0
    assert main(["lineage", "upstream", "people.training:age"]) == 0
    assert "people" in capsys.readouterr().out
