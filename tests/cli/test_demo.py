from pathlib import Path

import pytest

from casemate.cli import demo
from casemate.core import record
from cli.conftest import Run
from e2e import tiny

REPOSITORY = Path(__file__).parents[2]


@pytest.fixture
def examples(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two tiny examples in the place of the real ones: one that holds, one that is broken."""
    folder = tmp_path / "examples"
    tiny.write(folder / "holds", limit=1.0)
    tiny.write(folder / "broken", limit=0.0)
    (folder / "holds" / ".casemate").mkdir()
    (folder / "holds" / ".casemate" / "left-over").write_text("")
    (folder / "no-example").mkdir()
    monkeypatch.setattr(demo, "examples", lambda: folder)
    return folder


def test_the_examples_of_this_checkout_are_found() -> None:
    found = {folder.name for folder in demo.examples().iterdir() if (folder / "casemate.toml").exists()}
    assert found == {path.parent.name for path in (REPOSITORY / "examples").glob("*/casemate.toml")}
    assert found


def test_the_wheel_is_told_to_ship_them() -> None:
    import tomllib

    build = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["tool"]["hatch"]["build"]["targets"]["wheel"]
    assert build["force-include"]["examples"] == "casemate/examples"


def test_an_installation_without_them_says_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    import casemate
    from casemate.core.errors import CasemateError

    monkeypatch.setattr(casemate, "__file__", str(tmp_path / "a" / "b" / "casemate" / "__init__.py"))
    with pytest.raises(CasemateError, match="no examples"):
        demo.examples()
    inside = tmp_path / "a" / "b" / "casemate" / "examples"
    inside.mkdir(parents=True)
    assert demo.examples() == inside


def test_both_are_assessed_and_a_broken_one_is_the_lesson(run: Run, examples: Path, here: Path) -> None:
    code, out, err = run("demo", "--jobs", "1")
    assert (code, err) == (0, "")
    for name, verdict in (("holds", "held"), ("broken", "broken")):
        folder = here / "casemate-demo" / name
        assert record.load(folder / "report.json").verdict == verdict
        for report in ("report.html", "report.md", "report.json"):
            assert (folder / report).stat().st_size > 500
            assert str(Path("casemate-demo") / name / report) in out
        assert run("report", folder)[0] == 0
    assert not (here / "casemate-demo" / "holds" / ".casemate" / "left-over").exists()
    assert tiny.trainings(examples / "holds") == 0  # the copy was assessed, not the original


def test_a_second_run_trains_nothing(run: Run, examples: Path, here: Path) -> None:
    assert run("demo", "--keep", "kept", "--jobs", "1")[0] == 0
    before = tiny.trainings(here / "kept" / "holds")
    assert before > 0
    assert run("demo", "--keep", "kept", "--jobs", "1")[0] == 0
    assert tiny.trainings(here / "kept" / "holds") == before


def test_one_that_cannot_be_loaded_is_two_and_does_not_stop_the_other(run: Run, examples: Path, here: Path) -> None:
    (examples / "broken" / "train.csv").unlink()
    code, out, err = run("demo", "--jobs", "1")
    assert code == 2
    assert "train.csv" in err
    assert "tiny held" in out


def test_an_attack_that_cannot_run_is_two(run: Run, examples: Path, here: Path) -> None:
    (examples / "holds" / "recipe.py").write_text("def train(data, seed):\n    raise ValueError('no')\n")
    assert run("demo", "--jobs", "1")[0] == 2


def test_a_folder_that_cannot_be_made(run: Run, examples: Path, here: Path) -> None:
    (here / "taken").write_text("")
    code, _, err = run("demo", "--keep", "taken")
    assert code == 2
    assert "--keep" in err


def test_an_example_with_a_walk_is_taken_through_it_once(run: Run, examples: Path, here: Path) -> None:
    folder = examples / "holds"
    (folder / "walk").write_text("python -c \"open('steps', 'a').write('x')\"\ncasemate list controls\n")
    code, out, _ = run("demo", "--jobs", "1")
    assert code == 0
    assert "casemate list controls" in out
    kept = here / "casemate-demo" / "holds"
    assert (kept / "steps").read_text() == "x"
    assert run("demo", "--jobs", "1")[0] == 0
    assert (kept / "steps").read_text() == "x"  # nothing changed, so it is not walked again
    (folder / "walk").write_text("casemate explain nothing\n")
    assert run("demo", "--jobs", "1")[0] == 2
    assert not (kept / "steps").exists()  # and what was walked before is gone
