"""The real console script as a user runs it: a process of its own, over a system of its own."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from casemate.core import record
from e2e import tiny

SCRIPT = Path(sys.executable).with_name("casemate")
GUESSING = """
from sklearn.dummy import DummyClassifier


def train(data, seed):
    return DummyClassifier().fit(data.X, data.y)
"""
PATIENCE = 120  # seconds after which something hangs


def start(*words: str, folder: Path) -> subprocess.Popen[str]:
    plain = {name: value for name, value in os.environ.items() if name not in ("CI", "NO_COLOR", "COLUMNS")}
    return subprocess.Popen(
        [SCRIPT, *words],
        cwd=folder,
        env={**plain, "OMP_NUM_THREADS": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def casemate(*words: str, folder: Path) -> tuple[int, str, str]:
    process = start(*words, folder=folder)
    out, err = process.communicate(timeout=PATIENCE)
    return process.returncode, out, err


def wait_for(path: Path, pattern: str, process: subprocess.Popen[str]) -> None:
    until = time.monotonic() + PATIENCE
    while not list(path.rglob(pattern)) and process.poll() is None and time.monotonic() < until:
        time.sleep(0.02)


@pytest.fixture(scope="module")
def warm(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A system that was assessed once."""
    folder = tmp_path_factory.mktemp("warm")
    tiny.write(folder)
    code, out, err = casemate("assess", folder=folder)
    assert (code, err) == (0, "")
    assert out.startswith("HELD")
    return folder


@pytest.fixture
def system(warm: Path, tmp_path: Path) -> Path:
    """A copy of it, with its cache."""
    return shutil.copytree(warm, tmp_path / "system")


def accept(system: Path, limit: float) -> None:
    file = system / "casemate.toml"
    file.write_text(file.read_text().replace("data-poisoning = 1.0", f"data-poisoning = {limit}"))


@pytest.mark.parametrize(("limit", "code"), [(1.0, 0), (0.0, 1), (0.15, 3)])
def test_a_second_run_judges_the_evidence_in_the_cache(system: Path, limit: float, code: int) -> None:
    trained = tiny.trainings(system)
    assert trained > 0
    accept(system, limit)
    got, out, err = casemate("assess", "--output", "json=a.json", "--output", "html=a.html", folder=system)
    assert got == code
    assert err.splitlines() == ["wrote a.json", "wrote a.html"]
    assert "poisoning.label-flip" in out
    assert "\x1b" not in out
    made = record.load(system / "a.json")
    assert made.exit_code == code
    assert all(cell.cached for cell in made.cells)
    assert tiny.trainings(system) == trained


def test_what_could_not_run_is_two(system: Path) -> None:
    (system / "recipe.py").write_text("def train(data, seed):\n    raise ValueError('the well is dry')\n")
    code, out, _ = casemate("assess", folder=system)
    assert code == 2
    assert "the well is dry" in out


def test_a_mistake_is_two_and_goes_to_stderr(system: Path) -> None:
    code, out, err = casemate("assess", "--attack", "poisoning.label-flp", folder=system)
    assert (code, out) == (2, "")
    assert err.startswith("error: ")
    assert "Did you mean 'poisoning.label-flip'?" in err


def test_the_gate_turns_the_verdict_without_attacking_again(system: Path) -> None:
    trained = tiny.trainings(system)
    assert casemate("gate", folder=system)[0] == 0
    (system / "strict.toml").write_text("[policy.limits]\ndata-poisoning = 0.0\n")
    code, out, err = casemate("gate", "--policy", "strict.toml", folder=system)
    assert (code, err) == (1, "")
    assert out.startswith("tiny: broken\n")
    assert tiny.trainings(system) == trained


def test_two_workers_find_what_one_found_and_a_worse_recipe_shows_in_the_diff(warm: Path, tmp_path: Path) -> None:
    tiny.write(tmp_path / "same", jobs=2)
    assert casemate("assess", "same", folder=tmp_path)[0] == 0
    code, out, _ = casemate("diff", str(warm), "same", "--all", folder=tmp_path)
    assert code == 0
    assert "took off 0.0 (" in out
    tiny.write(tmp_path / "worse", recipe=GUESSING)
    casemate("assess", "worse", folder=tmp_path)
    code, out, _ = casemate("diff", str(warm), "worse", folder=tmp_path)
    assert code == 1
    assert "accuracy was lost" in out


@pytest.mark.skipif(not hasattr(os, "killpg"), reason="there are no process groups here")
def test_an_interruption_keeps_what_is_done_and_says_how_to_go_on(tmp_path: Path) -> None:
    tiny.write(tmp_path, delay=1.0)
    process = start("assess", "--jobs", "2", folder=tmp_path)
    wait_for(tmp_path, "*.msgpack", process)
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does: to every process of the group
    out, err = process.communicate(timeout=PATIENCE)
    kept = list(tmp_path.rglob("*.msgpack"))
    assert process.returncode == 2
    assert out == ""
    assert f"error: interrupted with {len(kept)} of " in err
    assert "to go on: casemate assess casemate.toml --jobs 2" in err
    assert "Traceback" not in err
    assert not (tmp_path / ".casemate" / "assessment.json").exists()
    before = {path: path.stat().st_mtime_ns for path in kept}
    assert casemate("assess", "--jobs", "2", folder=tmp_path)[0] == 0
    assert {path: path.stat().st_mtime_ns for path in kept} == before
    assert len(list(tmp_path.rglob("*.msgpack"))) > len(kept)


@pytest.mark.parametrize("pause", [0.0, 0.02, 0.3])
def test_an_impatient_interruption_leaves_no_traceback(tmp_path: Path, pause: float) -> None:
    tiny.write(tmp_path, delay=1.0)
    process = start("assess", "--jobs", "2", folder=tmp_path)
    wait_for(tmp_path, "*.msgpack", process)
    with contextlib.suppress(ProcessLookupError):
        for _ in range(3):
            os.killpg(process.pid, signal.SIGINT)
            time.sleep(pause)
    _, err = process.communicate(timeout=PATIENCE)
    assert process.returncode == 2
    assert "error: interrupted" in err
    assert "Traceback" not in err


def test_from_a_table_to_a_verdict(tmp_path: Path) -> None:
    tiny.write(tmp_path)
    (tmp_path / "casemate.toml").unlink()
    code, _, err = casemate("init", "train.csv", "--target", "label", "--recipe", "recipe:train", folder=tmp_path)
    assert code == 0
    assert "then: casemate assess casemate.toml" in err
    code, out, _ = casemate("assess", "--attack", "poisoning", "--samples", "40", folder=tmp_path)
    assert code in (0, 1, 3)
    assert "poisoning.label-flip" in out


@pytest.mark.parametrize("words", [("explain", "data-poisoning"), ("list", "threats", "--json"), ("--help",)])
def test_a_reader_that_is_gone_gets_no_traceback(tmp_path: Path, words: tuple[str, ...]) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    try:
        ran = subprocess.run(
            [SCRIPT, *words],
            cwd=tmp_path,
            stdout=writing,
            stderr=subprocess.PIPE,
            text=True,
            timeout=PATIENCE,
            check=False,
        )
    finally:
        os.close(writing)
    assert (ran.returncode, ran.stderr) == (2, "")


def test_python_m_casemate_is_the_same(tmp_path: Path) -> None:
    words = [sys.executable, "-m", "casemate", "list", "threats", "--json"]
    ran = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, timeout=PATIENCE, check=True)
    assert json.loads(ran.stdout) == json.loads(casemate("list", "threats", "--json", folder=tmp_path)[1])
