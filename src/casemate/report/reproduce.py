"""Reproduce: the command that runs one attack again."""

from __future__ import annotations

import shlex

from casemate.core.assessment import Assessment

DEFAULT_PATH = "casemate.toml"


def command(assessment: Assessment, attack: str) -> str:
    """Return the shell command that runs one attack again, on every arm, with the same seed."""
    path = assessment.system.path or DEFAULT_PATH
    return shlex.join(["casemate", "assess", path, "--attack", attack, "--seed", str(assessment.seed)])
