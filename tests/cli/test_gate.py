import datetime
from pathlib import Path

import pytest

from casemate.core import record
from casemate.core.policy import Policy, Waiver
from cli.conftest import Run
from cli.made import FAILED, assessment, stored

HELD, OPEN, BROKEN = 10, 40, 120
PGD = "evasion.pgd"


def one(full: object, **more: object) -> object:
    return assessment({PGD: {"full": full, "bare": 150}}, **more)  # type: ignore[dict-item, arg-type]


@pytest.mark.parametrize(
    ("full", "code", "verdict"),
    [
        (HELD, 0, "held"),
        (BROKEN, 1, "broken"),
        (FAILED, 2, "inconclusive"),
        (OPEN, 3, "inconclusive"),
        (None, 3, "inconclusive"),
    ],
)
def test_the_verdict_and_its_exit_code(run: Run, here: Path, full: object, code: int, verdict: str) -> None:
    stored(here, one(full))  # type: ignore[arg-type]
    got, out, err = run("gate")
    assert (got, err) == (code, "")
    assert out.splitlines()[0] == f"loans: {verdict}"
    assert (PGD in out) == (full is not None)


def test_a_looser_and_a_tighter_policy_turn_the_verdict(run: Run, here: Path) -> None:
    stored(here, one(BROKEN))  # type: ignore[arg-type]
    (here / "loose.toml").write_text("[policy.limits]\nevasion = 0.9\n")
    (here / "tight.toml").write_text('[policy.limits]\n"evasion.pgd" = 0.01\n')
    assert run("gate", "--policy", "loose.toml")[0] == 0
    assert run("gate", "--policy", "tight.toml")[0] == 1


def test_judging_again_changes_nothing_that_is_stored(run: Run, here: Path) -> None:
    file = stored(here, one(BROKEN))  # type: ignore[arg-type]
    before = file.read_bytes()
    (here / "loose.toml").write_text("[policy.limits]\nevasion = 0.9\n")
    code, _, err = run("gate", file, "--policy", "loose.toml", "--output", "json=judged.json", "-o", "markdown=j.md")
    assert code == 0
    assert file.read_bytes() == before
    assert record.load(here / "judged.json").policy.limits == {"evasion": 0.9}
    assert "held" in (here / "j.md").read_text().lower()
    assert err.splitlines() == ["wrote judged.json", "wrote j.md"]


def test_a_waiver_that_expired_is_told(run: Run, here: Path) -> None:
    stored(here, one(BROKEN))  # type: ignore[arg-type]
    (here / "w.toml").write_text(
        '[[policy.waivers]]\nof = "evasion.pgd"\nreason = "being mended"\nexpires = 2020-01-01\n'
    )
    code, out, _ = run("gate", "--policy", "w.toml")
    assert code == 1
    assert "expired       the waiver of evasion.pgd counted until 2020-01-01: being mended" in out


def test_a_waiver_counts_until_it_expires(run: Run, here: Path) -> None:
    today = datetime.datetime.now(datetime.UTC).date()
    for days, code in ((0, 0), (-1, 1)):
        waiver = Waiver(PGD, "mended next week", today + datetime.timedelta(days=days))
        stored(here, one(BROKEN, policy=Policy(waivers=(waiver,)), today=datetime.date(2000, 1, 1)))  # type: ignore[arg-type]
        got, out, _ = run("gate")
        assert got == code
        assert ("waived until" in out) == (code == 0)


def test_a_price_that_is_not_accepted(run: Run, here: Path) -> None:
    made = assessment({PGD: {"full": HELD, "bare": 150}}, policy=Policy(costs={"latency-ms": 0.05}))
    stored(here, made)
    code, out, _ = run("gate")
    assert code == 1
    assert "too costly    latency-ms is at least 0.1, and 0.05 is accepted" in out


def test_exit_zero_is_said_and_not_the_default(run: Run, here: Path) -> None:
    stored(here, one(BROKEN))  # type: ignore[arg-type]
    assert run("gate", "--exit-zero")[0] == 0


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["gate"], "casemate assess"),
        (["gate", "none.json"], "none.json"),
        (["gate", "--output", "htm=x"], "Did you mean 'html'?"),
    ],
)
def test_what_cannot_be_judged_is_two(run: Run, here: Path, words: list[str], told: str) -> None:
    code, out, err = run(*words)
    assert (code, out) == (2, "")
    assert told in err


def test_a_wrong_policy_is_two(run: Run, here: Path) -> None:
    stored(here, one(HELD))  # type: ignore[arg-type]
    (here / "p.toml").write_text("[policy.limits]\nevasoin = 0.9\n")
    code, _, err = run("gate", "--policy", "p.toml")
    assert code == 2
    assert "p.toml:2" in err
    assert "Did you mean 'evasion'?" in err


def test_text_from_a_stored_assessment_cannot_move_the_cursor(run: Run, here: Path) -> None:
    stored(here, one(HELD, name="loans\x1b[2Jgone"))  # type: ignore[arg-type]
    assert "\x1b" not in run("gate")[1]
