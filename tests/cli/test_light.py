"""What starts light stays light: the heavy libraries are not imported by commands that do not need them."""

import subprocess
import sys

import pytest

HEAVY = ("torch", "sklearn", "polars", "scipy", "xgboost", "lightgbm", "onnx", "onnxruntime", "joblib", "ray", "pandas")
PROGRAM = """
import sys
from casemate.cli import main
code = main({words!r})
print("\\nIMPORTED", *sorted(name for name in sys.modules if "." not in name), file=sys.stderr)
sys.exit(code)
"""


def imported(*words: str) -> set[str]:
    ran = subprocess.run(
        [sys.executable, "-c", PROGRAM.format(words=list(words))], capture_output=True, text=True, check=True
    )
    return set(ran.stderr.rpartition("IMPORTED")[2].split())


@pytest.mark.parametrize(
    "words",
    [
        ("list", "attacks"),
        ("list", "controls", "--json"),
        ("explain", "evasion.pgd"),
        ("schema",),
        ("assess", "--help"),
        ("demo", "--help"),
    ],
    ids=" ".join,
)
def test_light_commands_import_nothing_heavy(words: tuple[str, ...]) -> None:
    assert not imported(*words) & set(HEAVY)


@pytest.mark.parametrize("words", [("--help",), ("--version",)], ids=" ".join)
def test_the_root_help_does_without_numpy_too(words: tuple[str, ...]) -> None:
    names = imported(*words)
    assert not names & {*HEAVY, "numpy", "msgspec", "jinja2", "httpx"}
    assert "cyclopts" in names
