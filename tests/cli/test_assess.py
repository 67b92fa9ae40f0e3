"""casemate assess in this process, over copies of one tiny system whose evidence is in the cache."""

import shutil
from pathlib import Path

import pytest

from casemate.assess import Interrupted
from casemate.cli import assess, main
from casemate.core import record
from casemate.core.assessment import Assessment
from cli.conftest import Run
from e2e import tiny


@pytest.fixture(scope="module")
def warm(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("warm")
    tiny.write(folder)
    assert main(["assess", str(folder), "--quiet"]) == 0
    return folder


@pytest.fixture
def system(warm: Path, here: Path) -> Path:
    """The current folder, with a copy of the system and its cache."""
    shutil.copytree(warm, here, dirs_exist_ok=True)
    (here / ".casemate" / "assessment.json").unlink()
    return here


def limit(system: Path, accepted: float) -> None:
    file = system / "casemate.toml"
    file.write_text(file.read_text().replace("data-poisoning = 1.0", f"data-poisoning = {accepted}"))


def stored(system: Path) -> Assessment:
    return record.load(system / ".casemate" / "assessment.json")


@pytest.mark.parametrize(
    ("accepted", "code", "verdict"), [(1.0, 0, "held"), (0.0, 1, "broken"), (0.15, 3, "inconclusive")]
)
def test_the_exit_code_is_the_verdict_and_a_new_limit_attacks_nothing(
    run: Run, system: Path, accepted: float, code: int, verdict: str
) -> None:
    trained = tiny.trainings(system)
    limit(system, accepted)
    got, out, err = run("assess")
    assert (got, err) == (code, "")
    assert out.lower().startswith(verdict)
    assert stored(system).verdict == verdict
    assert all(cell.cached for cell in stored(system).cells)
    assert tiny.trainings(system) == trained


def test_nothing_left_to_run_is_inconclusive(run: Run, system: Path) -> None:
    code, out, _ = run("assess", "--attack", "transfer")
    assert code == 3
    assert "nothing was assessed" in out


def test_what_could_not_run_is_two_and_is_stored(run: Run, system: Path) -> None:
    (system / "recipe.py").write_text("def train(data, seed):\n    raise ValueError('the well is dry')\n")
    code, out, _ = run("assess")
    assert code == 2
    assert "the well is dry" in out
    assert stored(system).exit_code == 2
    assert run("gate")[0] == 2


def test_exit_zero_is_said_and_not_the_default(run: Run, system: Path) -> None:
    limit(system, 0.0)
    assert run("assess", "--exit-zero")[0] == 0
    assert stored(system).exit_code == 1


def test_reports_in_every_format_and_none_changes_the_exit_code(run: Run, system: Path) -> None:
    limit(system, 0.0)
    code, out, err = run("assess", "-o", "html=out/r.html", "-o", "json=out/r.json", "-o", "markdown=out/r.md")
    assert code == 1
    assert out.startswith("BROKEN")
    assert err.splitlines() == [f"wrote {Path('out') / name}" for name in ("r.html", "r.json", "r.md")]
    assert (system / "out/r.html").read_text().lower().startswith("<!doctype html>")
    assert (system / "out/r.json").read_bytes() == (system / ".casemate/assessment.json").read_bytes()


def test_quiet_prints_nothing_at_all(run: Run, system: Path) -> None:
    assert run("assess", "--quiet", "--output", "json=r.json") == (0, "", "")
    assert (system / "r.json").exists()


@pytest.mark.parametrize("given", ["deep/casemate.toml", "deep"])
def test_the_system_file_may_be_somewhere_else(run: Run, warm: Path, here: Path, given: str) -> None:
    shutil.copytree(warm, here / "deep")
    trained = tiny.trainings(here / "deep")
    code, out, _ = run("assess", given)
    assert code == 0
    assert "tiny held" in out
    assert tiny.trainings(here / "deep") == trained
    assert not (here / ".casemate").exists()


def test_a_cache_of_ones_own_and_none(run: Run, system: Path) -> None:
    trained = tiny.trainings(system)
    assert run("assess", "--cache", "elsewhere")[0] == 0
    assert list((system / "elsewhere").rglob("*.msgpack"))
    assert tiny.trainings(system) > trained
    shutil.rmtree(system / ".casemate")
    assert run("assess", "--no-cache")[0] == 0
    assert not (system / ".casemate" / "cache").exists()


def test_two_words_on_the_cache_contradict_each_other(run: Run, system: Path) -> None:
    code, _, err = run("assess", "--no-cache", "--cache", "x")
    assert code == 2
    assert "--no-cache" in err


def test_the_command_line_goes_before_the_system_file(run: Run, system: Path) -> None:
    run("assess", "-a", "evasion.hop-skip-jump", "--samples", "7", "--seed", "5", "-j", "1")
    made = stored(system)
    assert {cell.attack for cell in made.cells} == {"evasion.hop-skip-jump"}
    assert made.seed == 5
    assert {len(cell.evidence) for cell in made.cells if cell.evidence} == {7}


def test_a_family_and_what_the_file_leaves_out(run: Run, system: Path) -> None:
    file = system / "casemate.toml"
    file.write_text(file.read_text().replace('attacks = ["poisoning.label-flip"]', 'skip = ["evasion", "backdoor"]'))
    seen: list[list[str]] = []

    def spy(system: object, attacks: list[object], **rest: object) -> None:
        seen.append([attack.id for attack in attacks])  # type: ignore[attr-defined]
        raise KeyboardInterrupt

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("casemate.assess.assess", spy)
        run("assess")
        run("assess", "--attack", "evasion")
    assert seen[0]
    assert not [id for id in seen[0] if id.startswith(("evasion.", "backdoor."))]
    assert seen[1]
    assert all(id.startswith("evasion.") for id in seen[1])


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--attack", "poisoning.label-flp"), "Did you mean 'poisoning.label-flip'?"),
        (("none.toml",), "casemate init"),
        (("--output", "htlm=r.html"), "Did you mean 'html'?"),
        (("--output", "html=casemate.toml/r.html"), "is a file"),
    ],
)
def test_mistakes_are_told_before_anything_runs(run: Run, system: Path, words: tuple[str, ...], told: str) -> None:
    (system / "recipe.py").write_text("raise SystemExit('the recipe was touched')\n")
    code, out, err = run("assess", *words)
    assert (code, out) == (2, "")
    assert told in err
    assert "touched" not in err


def test_an_assessment_that_cannot_be_stored_is_shown_and_written_all_the_same(run: Run, system: Path) -> None:
    (system / ".casemate" / "assessment.json").mkdir()
    code, out, err = run("assess", "--output", "markdown=r.md")
    assert code == 2
    assert out.lower().startswith("held")
    assert (system / "r.md").exists()
    assert "error: the assessment cannot be stored" in err


def test_a_mistake_in_the_system_file_names_its_line(run: Run, system: Path) -> None:
    file = system / "casemate.toml"
    file.write_text(file.read_text().replace("samples =", "sample ="))
    line = next(n for n, text in enumerate(file.read_text().splitlines(), 1) if text.startswith("sample ="))
    code, _, err = run("assess")
    assert code == 2
    assert f"casemate.toml:{line}" in err
    assert "Did you mean 'samples'?" in err


HERE, THERE = Path("casemate.toml"), Path("a/casemate.toml")


@pytest.mark.parametrize(
    ("path", "asked", "kept", "told"),
    [
        (THERE, assess.Asked(cache=Path("a/.casemate/cache")), True, "to go on: casemate assess a/casemate.toml"),
        (HERE, assess.Asked(cache=None), False, "to start again: casemate assess casemate.toml --no-cache"),
        (
            HERE,
            assess.Asked(("evasion", "poisoning.label-flip"), 3, 20, 2, "ray", Path("my cache")),
            True,
            "--attack poisoning.label-flip --seed 3 --samples 20 --jobs 2 --engine ray --cache 'my cache'",
        ),
    ],
)
def test_an_interrupted_run_says_how_to_go_on(path: Path, asked: assess.Asked, kept: bool, told: str) -> None:
    assert assess.how_to_go_on(Interrupted(3, 9, kept), path, asked).endswith(told)
