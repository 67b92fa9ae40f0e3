import json
from pathlib import Path

import polars as pl
import pytest

from casemate.controls.encrypted_service import mutations
from casemate.controls.encrypted_service.signed_verification import read_signed
from casemate.controls.encrypted_service.signing import load_identity
from cli.conftest import Run

VERIFY = ("encrypt", "verify", "people.program")


@pytest.fixture(autouse=True)
def _few(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mutations, "FLIPS", 12)
    monkeypatch.setattr(mutations, "CUTS", 4)


def test_a_program_is_compared_with_its_system_signed_and_read_again(run: Run, folder: Path) -> None:
    outputs = [word for format in ("json", "html", "markdown") for word in ("--output", f"{format}=made/v.{format}")]
    code, out, err = run(*VERIFY, "--model", ".", *outputs)
    assert code == 0, err
    assert out.startswith("HELD")
    assert "of 80 decisions are those of scikit-learn LogisticRegression" in out
    assert "wrote made/v.html" in err
    assert "What the server saw" in (folder / "made" / "v.html").read_text()
    assert (folder / "made" / "v.markdown").read_text().startswith("## Casemate: held")
    signed = read_signed(folder / "made" / "v.json")
    signed.check(load_identity(folder / "server.identity").card.fingerprint)
    assert signed.verification.rows == "test rows of people"
    assert signed.verification.environment["seal-python"] >= "4.4"
    card = signed.signer.fingerprint
    words = ("encrypt", "verify-report", "made/v.json", "--card", card, "--program", "people.public.json")
    code, again, _ = run(*words)
    assert (code, again) == (0, out)


def test_rows_are_drawn_and_those_outside_the_ranges_counted(run: Run, folder: Path) -> None:
    rows = pl.read_csv(folder / "rows.csv")
    pl.concat([rows] * 8).with_columns(income=pl.col("income") + pl.Series([1e5] + [0] * 39)).write_csv("many.csv")
    words = (*VERIFY, "--rows", "many.csv", "--samples", "10", "--output", "json=v.json", "--quiet")
    assert run(*words) == (3, "", "")
    found = read_signed(folder / "v.json").verification
    assert (found.rows, found.refused) == ("many.csv", 1)
    assert found.decisions is not None
    assert (found.decisions.rows, found.decisions.against) == (10, "the program in the clear")
    assert run(*words, "--needed", "0.7")[0] == 0


def test_a_model_file_may_be_what_it_is_compared_with(run: Run, folder: Path) -> None:
    words = (*VERIFY, "--rows", "others.csv", "--model", "model.skops", "--needed", "0.9")
    code, out, _ = run(*words)
    assert code == 0
    assert "scikit-learn LogisticRegression" in out


def test_another_model_is_broken(run: Run, folder: Path) -> None:
    recipe = (folder / "recipe.py").read_text()
    (folder / "recipe.py").write_text(recipe.replace("data.y)", "1 - data.y)"))
    code, out, _ = run(*VERIFY, "--model", ".")
    assert code == 1
    assert out.startswith("BROKEN")
    assert "0 of 80 decisions" in out


def test_a_report_that_was_changed_or_is_about_something_else(run: Run, folder: Path) -> None:
    assert run(*VERIFY, "--rows", "rows.csv", "--needed", "0.5", "--output", "json=v.json", "-q")[0] == 0
    text = (folder / "v.json").read_text()
    report = ("encrypt", "verify-report", "v.json")
    assert run(*report, "--card", "ab" * 32)[0] == 1
    assert run("encrypt", "compile", ".", "--name", "other", "-q")[0] == 0
    code, out, err = run(*report, "--program", "other.program")
    assert (code, out) == (1, "")
    assert "another program" in err
    told = json.loads(text)
    told["verification"]["decisions"]["same"] = 4
    (folder / "v.json").write_text(json.dumps(told))
    code, out, err = run(*report)
    assert (code, out) == (1, "")
    assert "changed after it was signed" in err


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["people.program"], "which rows"),
        (["people.program", "--rows", "rows.csv", "--identity", "none"], "identity cannot be read"),
        (["people.program", "--rows", "rows.csv", "--needed", "2"], "no share"),
        (["people.program", "--rows", "rows.csv", "--output", "terminal=x"], "json, html, markdown"),
        (["people.program", "--rows", "rows.csv", "--output", "x"], "FORMAT=PATH"),
        (["people.public.json", "--rows", "rows.csv"], "not a program"),
        (["none.program", "--rows", "rows.csv"], "there is no program"),
    ],
)
def test_what_cannot_be_verified_is_two_and_says_why(run: Run, folder: Path, words: list[str], told: str) -> None:
    code, out, err = run("encrypt", "verify", *words)
    assert (code, out) == (2, "")
    assert told in err


def test_rows_all_of_which_are_outside(run: Run, folder: Path) -> None:
    pl.read_csv("rows.csv").with_columns(income=pl.lit(1e6)).write_csv("far.csv")
    code, _, err = run(*VERIFY, "--rows", "far.csv")
    assert code == 2
    assert "all rows lie outside" in err


def test_another_system_than_it_was_compiled_from(run: Run, folder: Path) -> None:
    for name in ("people.csv", "others.csv"):
        pl.read_csv(name).drop("city").write_csv(name)
    code, _, err = run(*VERIFY, "--model", ".")
    assert code == 2
    assert "the model takes 2 features" in err


def test_a_report_that_is_none(run: Run, folder: Path) -> None:
    code, _, err = run("encrypt", "verify-report", "people.csv")
    assert code == 2
    assert "not a signed verification" in err
