import os
from pathlib import Path

import pytest

from casemate.cli.walk import PASSPHRASE, steps_of, walk
from casemate.core.errors import CasemateError

WALK = """
# A comment.
python -c "import pathlib; pathlib.Path('made').touch()"   # and another
casemate list attacks
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "walk").write_text(WALK)
    return tmp_path


def test_lines_are_commands(folder: Path):
    made, listed = steps_of(folder / "walk")
    assert made.words[:2] == ("python", "-c")
    assert (str(listed), listed.line) == ("casemate list attacks", 4)


@pytest.mark.parametrize("line", ["rm -rf /", "casemate 'list"])
def test_other_lines_are_refused_before_any_is_run(folder: Path, line: str):
    (folder / "walk").write_text(f"{WALK}\n{line}\n")
    with pytest.raises(CasemateError) as error:
        walk(folder)
    assert str(error.value.where).endswith("walk:6")
    assert not (folder / "made").exists()


def test_runs_in_the_folder_and_shows_each_command(folder: Path, capfd: pytest.CaptureFixture[str]):
    here = Path.cwd()
    assert walk(folder)
    assert Path.cwd() == here
    assert (folder / "made").exists()
    written = capfd.readouterr().out
    assert "$ casemate list attacks" in written
    assert "poisoning.label-flip" in written


def test_stops_where_a_command_could_not_run(folder: Path, capfd: pytest.CaptureFixture[str]):
    (folder / "walk").write_text("casemate explain nothing\npython -c \"open('made', 'w')\"\n")
    assert not walk(folder)
    assert "stopped at line 1" in capfd.readouterr().err
    assert not (folder / "made").exists()
    (folder / "walk").write_text('python -c "raise SystemExit(7)"\n')
    assert not walk(folder)


def test_keys_are_under_a_passphrase_of_the_walk_alone(folder: Path, monkeypatch: pytest.MonkeyPatch):
    (folder / "walk").write_text(f"python -c \"import os; open('made', 'w').write(os.environ['{PASSPHRASE}'])\"\n")
    monkeypatch.delenv(PASSPHRASE, raising=False)
    walk(folder)
    first = (folder / "made").read_text()
    walk(folder)
    assert len(first) > 16
    assert (folder / "made").read_text() != first
    assert PASSPHRASE not in os.environ
    monkeypatch.setenv(PASSPHRASE, "one of my own")
    walk(folder)
    assert (folder / "made").read_text() == "one of my own"
