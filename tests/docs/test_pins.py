"""What is pinned twice is pinned alike."""

import re
from importlib.metadata import version
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_the_binding_for_secrets_is_pinned_by_hashes_in_the_version_that_everything_is_tested_with() -> None:
    text = (ROOT / "requirements-seal.txt").read_text()
    (pinned,) = re.findall(r"^seal-python==(\S+)", text, re.MULTILINE)
    constraint = re.search(r"^seal-python==(\S+)$", (ROOT / "constraints.txt").read_text(), re.MULTILINE)
    assert constraint is not None
    assert pinned == constraint[1] == version("seal-python")
    hashes = re.findall(r"--hash=sha256:([0-9a-f]{64})\b", text)
    assert len(hashes) == len(set(hashes)) == text.count("--hash") >= 3
    assert "--require-hashes --requirement requirements-seal.txt" in (ROOT / "Makefile").read_text()
