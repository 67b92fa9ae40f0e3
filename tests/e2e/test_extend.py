"""The guide "Write your own attack and control", done word for word: its package is built, installed and assessed."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

GUIDE = Path(__file__).parents[2] / "docs" / "guide" / "extend.md"


@pytest.fixture(scope="module")
def acme(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, str]]:
    """The guide's files on disk, its package installed into a folder of its own."""
    root = tmp_path_factory.mktemp("acme")
    blocks = re.findall(r'^```\w+ title="([^"]+)"\n(.*?)^```', GUIDE.read_text(), re.MULTILINE | re.DOTALL)
    for name, text in blocks:
        path = root / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    (root / "acme_casemate" / "__init__.py").touch()
    site = root / "site"
    command = ["pip", "install", "--quiet", "--no-deps", "--no-index", "--no-build-isolation", "--target", site, root]
    subprocess.run([sys.executable, "-m", *map(str, command)], check=True, cwd=root)
    return root, {**os.environ, "PYTHONPATH": str(site), "OMP_NUM_THREADS": "1"}


def casemate(acme: tuple[Path, dict[str, str]], *words: str) -> subprocess.CompletedProcess[str]:
    root, environment = acme
    command = [sys.executable, "-W", "ignore", "-m", "casemate", *words]
    return subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True, timeout=300)


def test_installed_attacks_and_controls_are_listed(acme: tuple[Path, dict[str, str]]):
    assert "acme.label-flip" in casemate(acme, "list", "attacks").stdout
    assert "acme.label-only" in casemate(acme, "list", "controls").stdout


def test_they_explain_themselves(acme: tuple[Path, dict[str, str]]):
    attack = casemate(acme, "explain", "acme.label-flip")
    assert "Biggio, Nelson & Laskov" in attack.stdout
    control = casemate(acme, "explain", "acme.label-only")
    assert "Choquette-Choo" in control.stdout


def test_they_stand_in_the_matrix(acme: tuple[Path, dict[str, str]]):
    root, _ = acme
    attacks = ("--attack", "acme.label-flip", "--attack", "model-extraction.substitute")
    done = casemate(acme, "assess", "casemate.toml", *attacks, "--output", "json=out.json")
    assert done.returncode in (0, 1, 3), done.stderr
    record = json.loads((root / "out.json").read_text())
    findings = {(f["attack"], f["arm"]): f for f in record["findings"]}
    assert {f[0] for f in findings} == {"acme.label-flip", "model-extraction.substitute"}
    flipped = findings["acme.label-flip", "full"]
    assert flipped["effect"]["name"] == "accuracy lost"
    assert flipped["spent"]["rows"] == int(0.05 * 90)
    assert findings["model-extraction.substitute", "only:acme.label-only"]["delta"] is not None
    # A twin was lent by Casemate's own attack on the same threat.
    twin = next(t for t in record["twins"] if t["attack"] == "acme.label-flip")
    assert twin["cell"]["status"] == "done"
