"""Reproduce: the command that runs one attack again."""

from __future__ import annotations

import shlex

from casemate.core.assessment import Assessment

DEFAULT_PATH = "casemate.toml"


def command(assessment: Assessment, attack: str) -> str:
    """Return the shell command that runs one attack again, on every arm, with the same seed and samples.

    Where another command than ``casemate assess`` made the assessment, that one, which runs all attacks.
    """
    if assessment.command:
        return assessment.command
    path = assessment.system.path or DEFAULT_PATH
    words = ["casemate", "assess", path, "--attack", attack, "--seed", str(assessment.seed)]
    samples = next((cell.samples for cell in assessment.cells if cell.attack == attack and cell.samples), 0)
    return shlex.join([*words, "--samples", str(samples)] if samples else words)
