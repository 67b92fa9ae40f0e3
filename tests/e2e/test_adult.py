"""The commands of examples/adult, on a small table with Adult's columns that is made here."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from casemate.cli import main
from casemate.core import record
from casemate.core.finding import Verdict

ADULT = Path(__file__).parents[2] / "examples" / "adult"
ROWS = 4000
WORDS = {
    "workclass": ["Private", "Self-emp-not-inc", "State-gov", "?"],
    "education": ["Bachelors", "HS-grad", "Masters", "Some-college", "11th"],
    "marital-status": ["Married-civ-spouse", "Never-married", "Divorced", "Widowed"],
    "occupation": ["Adm-clerical", "Craft-repair", "Exec-managerial", "Sales", "Tech-support", "?"],
    "relationship": ["Husband", "Not-in-family", "Own-child", "Wife"],
    "race": ["Asian-Pac-Islander", "Black", "White"],
    "sex": ["Female", "Male"],
    "native-country": ["Germany", "India", "Mexico", "United-States"],
}


def adult(rows: int = ROWS) -> pl.DataFrame:
    """People with Adult's columns; few earn much, more of them after long studies."""
    rng = np.random.default_rng(0)
    words = {name: rng.choice(values, rows, p=_shares(len(values))) for name, values in WORDS.items()}
    age, hours = rng.integers(17, 91, rows), rng.integers(10, 81, rows)
    rich = rng.random(rows) < np.where(np.isin(words["education"], ["Bachelors", "Masters"]), 0.2, 0.05)
    columns = {
        "age": age,
        "fnlwgt": rng.integers(12_285, 1_484_705, rows),
        "education-num": rng.integers(1, 17, rows),
        "capital-gain": np.where(rng.random(rows) < 0.08, rng.integers(114, 99_999, rows), 0),
        "capital-loss": np.where(rng.random(rows) < 0.05, rng.integers(155, 4_356, rows), 0),
        "hours-per-week": hours,
        "income": np.where(rich, ">50K", "<=50K"),
        **words,
    }
    return pl.DataFrame(columns).select(_header())


def _shares(count: int) -> np.ndarray:
    """Some values are common, as in real life, and the rest are not."""
    shares = 0.4 ** np.arange(count)
    return shares / shares.sum()


def _header() -> list[str]:
    (line,) = re.findall(r"echo (age,\S+);", (ADULT / "README.md").read_text())
    return line.split(",")


def commands(beginning: str) -> list[str]:
    """The commands of the README that begin so."""
    return [
        line for line in re.findall(r"^\$ (.+)$", (ADULT / "README.md").read_text(), re.M) if line.startswith(beginning)
    ]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the example with a file as UCI gives it: no header, blanks, an empty line at the end."""
    made = tmp_path / "adult"
    made.mkdir()
    for path in ADULT.iterdir():
        if path.suffix in (".md", ".py", ".toml"):  # not whatever somebody made there
            shutil.copy(path, made)
    lines = [", ".join(map(str, row)) for row in adult().iter_rows()]
    (made / "adult.data").write_text("\n".join([*lines, "", ""]))
    monkeypatch.chdir(made)
    monkeypatch.delenv("CASEMATE_LINEAGE", raising=False)
    return made


def test_the_commands_of_the_readme_lead_from_the_table_to_a_model(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (header,) = commands("(echo")
    subprocess.run(["sh", "-c", header], check=True)
    assert pl.read_csv(folder / "adult.csv").rows() == adult().rows()
    profile, release, worth, model, lineage = commands("casemate")[:5]
    for line in (profile, release, worth):
        capsys.readouterr()
        assert main(line.split()[1:]) == 0, capsys.readouterr().out
    told = pl.read_parquet(folder / "income.parquet")
    assert told.height == ROWS
    assert not {"fnlwgt", "education-num", "relationship"} & set(told.columns)
    groups = told.group_by("age", *(set(WORDS) - {"relationship"})).agg(pl.len(), pl.col("income").n_unique())
    assert groups["len"].min() >= 11  # type: ignore[operator]
    assert groups["income"].min() == 2
    assert main(model.split()[1:]) in (0, 3)  # a small table may not decide
    done = record.load(folder / ".casemate" / "assessment-income.json")
    assert not [finding for finding in done.of("full") if finding.failure or finding.verdict is Verdict.BROKEN]
    capsys.readouterr()
    assert main(lineage.split()[1:]) == 0
    assert "uci.adult.train_income" in capsys.readouterr().out


def test_the_columns_of_arx_are_released_too(folder: Path) -> None:
    names = ["sex", "age", "race", "marital-status", "education", "native-country", "workclass", "occupation"]
    table = adult().select(*names, pl.col("income").alias("salary-class"))
    (folder / "arx.csv").write_text(table.write_csv(separator=";", line_terminator="\r\n"))
    (release,) = [line for line in commands("casemate") if "arx.toml" in line]
    assert main(release.split()[1:]) == 0
    assert pl.read_parquet(folder / "arx.parquet").columns == table.columns
