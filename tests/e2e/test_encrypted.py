"""A system whose requests are encrypted, assessed with the control off and on; every report shows what it is worth."""

from __future__ import annotations

from pathlib import Path

import pytest

from casemate.cli import main
from casemate.core.assessment import Assessment
from casemate.core.finding import Verdict
from casemate.core.record import decode

RECIPE = """
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler


def train(data, seed):
    return make_pipeline(StandardScaler(), LogisticRegression(max_iter=500)).fit(data.X, data.y)
"""
SYSTEM = """
[system]
name = "tumours"

[data]
train = "sklearn:breast_cancer"
test-share = 0.4

[model]
recipe = "tumours:train"

[[controls]]
use = "encryption.homomorphic"
share = "labels"

[access]
{granted}

[assess]
jobs = 1
attacks = ["interception"]

[attacks."interception.curious-server"]
queries = 1500

[policy.limits]
request-disclosure = 0.2
"""

FORMATS = {"json": "json", "html": "html", "md": "markdown"}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "tumours.py").write_text(RECIPE)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def assessed(folder: Path, granted: str) -> tuple[int, Assessment]:
    (folder / "casemate.toml").write_text(SYSTEM.format(granted=granted))
    outputs = [word for kind in ("json", "html", "md") for word in ("--output", f"{FORMATS[kind]}=a.{kind}")]
    code = main(["assess", "casemate.toml", *outputs])
    return code, decode((folder / "a.json").read_bytes())


def test_what_encryption_is_worth_and_costs(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, made = assessed(folder, "server = true\nmessages = true")
    shown = capsys.readouterr().out
    assert code == 0
    full, bare = ({f.attack: f for f in made.of(arm)} for arm in ("full", "bare"))
    held = ("interception.curious-server", "interception.malformed-message")
    assert {attack: full[attack].verdict for attack in held} == dict.fromkeys(held, Verdict.HELD)
    assert {attack: bare[attack].verdict for attack in held} == dict.fromkeys(held, Verdict.BROKEN)
    assert full["interception.decryption-replay"].verdict is Verdict.HELD
    assert bare["interception.decryption-replay"].verdict is Verdict.NOT_APPLICABLE
    assert bare["interception.decryption-replay"].reason == "answers are not encrypted"
    assert all(full[attack].delta is not None and full[attack].delta.low > 0.5 for attack in held)  # type: ignore[union-attr]
    costs = {cost.arm: cost for cost in made.costs}
    wire = costs["full"].wire
    assert costs["bare"].wire is None and wire is not None
    assert wire.agreeing == wire.rows > 50 and wire.deviation < 0.05
    assert 10_000 < wire.query_bytes < 40_000 and wire.key_bytes > 0
    latency = costs["full"].latency_ms
    assert latency is not None and latency > wire.client_ms + wire.server_ms > 0
    for page in (shown, (folder / "a.html").read_text(), (folder / "a.md").read_text()):
        for said in ("Encrypted requests", f"{wire.rows} of {wire.rows}", "kB", "curious-server"):
            assert said in page, said


def test_who_is_not_granted_the_server_finds_nothing(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, made = assessed(folder, "")
    assert code == 3  # nothing was assessed
    assert {finding.verdict for finding in made.findings} == {Verdict.NOT_APPLICABLE}
    shown = " ".join(capsys.readouterr().out.split())
    assert "not granted sight of what the server holds" in shown and "not granted a hand on messages" in shown
