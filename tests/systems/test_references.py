"""What a reference to the user's code tells before anything of it runs."""

from __future__ import annotations

from pathlib import Path

import pytest

from casemate.core.errors import RecipeMissing
from casemate.systems.references import Reference


def check(root: Path, source: str | None, text: str = "train:fit") -> None:
    if source is not None:
        (root / "train.py").write_text(source)
    Reference.parse(text, root, RecipeMissing).check(RecipeMissing)


def test_a_module_that_is_not_there_is_told_with_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(RecipeMissing, match=r"no module 'trian'. Did you mean 'train'") as caught:
        check(tmp_path, "", "trian:fit")
    assert "trian.py" in str(caught.value.fix)


def test_a_function_that_is_not_there_is_told_with_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(RecipeMissing, match=r"no function 'fit' in train. Did you mean 'fit2'") as caught:
        check(tmp_path, "def fit2(data, seed): ...\ndef _hidden(): ...\n")
    assert caught.value.where == str(tmp_path / "train.py")
    assert caught.value.fix == "the module has: fit2"


@pytest.mark.parametrize(("source", "line"), [("x = 1\ndef fit(data seed):\n  pass\n", 2), ("x = '\x00'", 1)])
def test_a_module_that_cannot_be_parsed_is_told_with_its_line(tmp_path: Path, source: str, line: int) -> None:
    with pytest.raises(RecipeMissing, match="not valid Python") as caught:
        check(tmp_path, source)
    assert caught.value.where == f"{tmp_path / 'train.py'}:{line}"


@pytest.mark.parametrize(
    "source",
    [
        "def fit(data, seed): ...",
        "fit = lambda data, seed: None",
        "import other\nfit = other.fit",
        "from other import run as fit",
        "from other import fit",
        "from other import *",
        "try:\n    from fast import fit\nexcept ImportError:\n    def fit(data, seed): ...",
        "globals()['fit'] = print",
        "def __getattr__(name): return print",
        "raise SystemExit('running this module would end the process')\ndef fit(): ...",
    ],
)
def test_what_may_be_there_passes_and_nothing_runs(tmp_path: Path, source: str) -> None:
    check(tmp_path, source)


def test_modules_in_folders_and_installed_ones_are_found(tmp_path: Path) -> None:
    (tmp_path / "pipeline" / "steps").mkdir(parents=True)
    (tmp_path / "pipeline" / "steps" / "train.py").write_text("def fit(data, seed): ...")
    check(tmp_path, None, "pipeline.steps.train:fit")
    check(tmp_path, None, "json:loads")
    with pytest.raises(RecipeMissing, match="no function 'fitt'"):
        check(tmp_path, None, "pipeline.steps.train:fitt")
