import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from casemate.controls.encrypted_service.descriptions import FeatureFile, read
from casemate.controls.encrypted_service.program_files import read_program
from cli.conftest import Run


def test_a_system_is_compiled_with_its_columns_and_classes(run: Run, folder: Path) -> None:
    code, out, err = run("encrypt", "compile", ".", "--name", "churn", "--output", "made.program")
    assert (code, err) == (0, "")
    assert "the score is the log-odds of class 1" in out
    assert "where 128 bits of security allow 53" in out
    assert "made.public.json" in out
    description = read((folder / "made.public.json").read_bytes())
    assert (description.name, description.classes) == ("churn", ("no", "yes"))
    assert description.features[1:] == (FeatureFile("income"), FeatureFile("city", "category", ("Bonn", "Ulm")))
    assert read_program(folder / "made.program").public.digest in out


def test_a_model_file_is_compiled_with_calibration_rows(run: Run, folder: Path) -> None:
    words = ("encrypt", "compile", "model.skops", "--calibration", "people.csv")
    code, out, _ = run(*words, "--target", "churns", "--json", "--tolerance", "0.01")
    assert code == 0
    told = json.loads(out)
    assert told["program"] == "model.program"
    assert told["tolerance"] == 0.01
    assert told["estimated_error"] <= 0.01
    assert (told["classes"], told["rotations"], told["features"]) == (["no", "yes"], 0, 3)
    pl.read_csv("people.csv").drop("churns").write_csv("unlabelled.csv")
    words = ("encrypt", "compile", "model.skops", "--calibration", "unlabelled.csv")
    assert run(*words, "--class", "no", "--class", "yes", "--quiet")[:2] == (0, "")
    again = read((folder / "model.public.json").read_bytes())
    assert again.classes == ("no", "yes")
    assert len(again.features) == 3


def test_controls_that_are_not_in_the_program_are_named(run: Run, folder: Path) -> None:
    system = (folder / "casemate.toml").read_text()
    (folder / "casemate.toml").write_text(f'{system}\n[[controls]]\nuse = "hardening.round-scores"\ndecimals = 1\n')
    code, _, err = run("encrypt", "compile", ".")
    assert code == 0
    assert "hardening.round-scores" in err


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["none.skops", "--calibration", "people.csv", "--target", "churns"], "no model file"),
        (["model.skops"], "calibration rows"),
        (["model.skops", "--calibration", "people.csv"], "which classes"),
        (["model.skops", "--calibration", "peopel.csv", "--target", "churns"], "people.csv"),
        (["model.skops", "--calibration", "people.csv", "--class", "a", "--class", "b"], "4 input columns"),
        ([".", "--tolerance", "-1"], "tolerance"),
        ([".", "--flood", "2"], "flood"),
        ([".", "--tolerance", "1e-12"], "tolerance"),
        ([".", "--output", "no/folder/x.program"], "there is no folder"),
        ([".", "--output", "."], "is a folder"),
        (["recipe.py", "--calibration", "people.csv", "--target", "churns"], ".py"),
    ],
)
def test_what_cannot_be_compiled_is_two_and_says_why(run: Run, folder: Path, words: list[str], told: str) -> None:
    code, out, err = run("encrypt", "compile", *words)
    assert (code, out) == (2, "")
    assert told in err
    assert "fix:" in err or "--help" in err
    assert "Traceback" not in err


def test_a_pickle_is_refused_unless_it_is_allowed(run: Run, folder: Path) -> None:
    import pickle

    from skops import io

    model = io.load(folder / "model.skops", trusted=io.get_untrusted_types(file=folder / "model.skops"))
    (folder / "model.pickle").write_bytes(pickle.dumps(model))
    words = ("encrypt", "compile", "model.pickle", "--calibration", "people.csv", "--target", "churns")
    code, _, err = run(*words)
    assert code == 2
    assert "--allow-pickle" in err
    assert run(*words, "--allow-pickle")[0] == 0


def test_a_layer_that_cannot_be_computed_is_named(run: Run, folder: Path) -> None:
    from sklearn.neighbors import KNeighborsClassifier
    from skops import io

    rng = np.random.default_rng(0)
    io.dump(KNeighborsClassifier().fit(rng.normal(size=(20, 3)), np.arange(20) % 2), folder / "near.skops")
    code, _, err = run("encrypt", "compile", "near.skops", "--calibration", "people.csv", "--target", "churns")
    assert code == 2
    assert "KNeighborsClassifier" in err


def test_batches_are_compiled_asked_and_verified(run: Run, folder: Path) -> None:
    words = ("encrypt", "compile", "casemate.toml", "--batches", "--name", "many")
    code, out, _ = run(*words)
    assert code == 0
    assert "Costs of up to 2,048 rows" in out
    assert "numbers in columns" in out
    assert read_program(Path("many.program")).public.terms.rows == 2048
    assert run("encrypt", "keys", "create", "many.keys", "--program", "many.public.json")[0] == 0
    usual = ("encrypt", "predict", "people.csv", "--quiet", "--output")
    code, _, err = run(*usual, "many.csv", "--program", "many.program", "--keys", "many.keys")
    assert code == 0, err
    assert run(*usual, "one.csv", "--program", "people.program")[0] == 0
    many, one = pl.read_csv("many.csv"), pl.read_csv("one.csv")
    assert many.height == 300
    assert many.columns == one.columns
    assert (many[:, 0] == one[:, 0]).mean() > 0.99
    code, out, _ = run("encrypt", "verify", "many.program", "--model", "casemate.toml", "--output", "markdown=many.md")
    assert code == 0
    assert "Costs of up to 2,048 rows" in Path("many.md").read_text()


def test_batches_of_other_models_are_refused(run: Run, folder: Path) -> None:
    recipe = Path("recipe.py")
    trees = "DecisionTreeClassifier(max_depth=3, random_state=seed)"
    text = recipe.read_text().replace("LogisticRegression(max_iter=2000)", trees)
    recipe.write_text(text.replace("linear_model import LogisticRegression", "tree import DecisionTreeClassifier"))
    code, _, err = run("encrypt", "compile", "casemate.toml", "--batches")
    assert code == 2
    assert "linear models alone" in err
    assert "fix:" in err
