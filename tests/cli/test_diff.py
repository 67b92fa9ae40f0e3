from pathlib import Path

import pytest

from cli.conftest import Run
from cli.made import assessment, stored

HELD, BROKEN = 10, 120
PGD, HSJ = "evasion.pgd", "evasion.hop-skip-jump"


@pytest.fixture
def two(here: Path) -> Path:
    stored(here, assessment({PGD: {"full": HELD, "bare": 150}, HSJ: {"full": BROKEN, "bare": 150}}), "a.json")
    stored(here, assessment({PGD: {"full": BROKEN, "bare": 150}, HSJ: {"full": HELD, "bare": 150}}, seed=1), "b.json")
    return here / ".casemate"


def test_what_got_worse_comes_first_with_its_numbers(run: Run, two: Path) -> None:
    code, out, err = run("diff", two / "a.json", two / "b.json")
    assert (code, err) == (1, "")
    lines = out.splitlines()
    assert lines[:2] == ["Something got worse.", "  note: seed 0 and 1: samples and random choices differ"]
    worse, better = lines.index("Worse"), lines.index("Better")
    assert worse < better
    assert lines[worse + 1] == "  evasion.pgd, all controls: from held to broken"
    assert lines[worse + 2].startswith("      5.0% (2.4–9.0) -> 60.0% (52.9–66.8); took off −55.0 (")
    assert lines[better + 1] == "  evasion.hop-skip-jump, all controls: from broken to held"
    assert "As before" not in lines


def test_all_shows_what_stayed(run: Run, two: Path) -> None:
    out = run("diff", two / "a.json", two / "b.json", "--all")[1]
    assert "  evasion.pgd, no controls: broken as before" in out.splitlines()


def test_nothing_worse_is_zero(run: Run, two: Path) -> None:
    code, out, _ = run("diff", two / "a.json", two / "a.json")
    assert code == 0
    assert out.startswith("Nothing got worse.\n")
    assert "accuracy 90.0% -> 90.0%" in out


def test_a_lost_attack_is_one(run: Run, two: Path) -> None:
    stored(two.parent, assessment({PGD: {"full": HELD, "bare": 150}}), "c.json")
    code, out, _ = run("diff", two / "a.json", two / "c.json")
    assert code == 1
    assert "No longer assessed" in out
    assert "it was broken, and is not assessed any more" in out


def test_folders_stand_for_the_assessments_in_them(run: Run, tmp_path: Path) -> None:
    for name in ("before", "after"):
        stored(tmp_path / name, assessment({PGD: {"full": HELD, "bare": 150}}))
    assert run("diff", tmp_path / "before", tmp_path / "after" / "casemate.toml")[0] == 0


def test_a_missing_file_is_two(run: Run, two: Path) -> None:
    code, _, err = run("diff", two / "a.json", two / "none.json")
    assert code == 2
    assert "none.json" in err


def test_text_from_a_stored_assessment_cannot_move_the_cursor(run: Run, two: Path) -> None:
    stored(two.parent, assessment({PGD: {"full": HELD, "bare": 150}}, name="x\x1b[2Jy"), "d.json")
    out = run("diff", two / "a.json", two / "d.json")[1]
    assert "two systems are compared" in out
    assert "\x1b" not in out
