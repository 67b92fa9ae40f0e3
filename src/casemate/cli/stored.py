"""Stored assessments: where `casemate assess` leaves them and where the other commands look."""

from __future__ import annotations

from pathlib import Path

from casemate.core import record
from casemate.core.assessment import Assessment
from casemate.core.errors import AssessmentUnreadable, CasemateError
from casemate.core.files import write_whole

FOLDER = ".casemate"
FILE = "assessment.json"
SYSTEM_FILE = Path("casemate.toml")


def home(system_file: Path) -> Path:
    """Return the folder beside a system file (given itself, or by its folder) for its cache and last assessment."""
    return (system_file if system_file.is_dir() else system_file.parent) / FOLDER


def keep(assessment: Assessment, system_file: Path) -> Path:
    """Store an assessment beside its system file; return where.

    Raises:
        CasemateError: the folder cannot be written to.
    """
    path = home(system_file) / FILE
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, record.encode(assessment))
    except OSError as error:
        raise CasemateError(
            f"the assessment cannot be stored: {error.strerror}",
            where=str(path),
            why="casemate report, gate and diff read it from there",
            fix="make the folder writable",
        ) from None
    return path


def find(given: Path | None) -> Path:
    """Return the file of a stored assessment: the one given, the one of a folder or system file, or this folder's.

    Raises:
        AssessmentUnreadable: there is none.
    """
    path = given if given is not None else SYSTEM_FILE
    if path.is_dir() or path.suffix == ".toml":
        path = home(path) / FILE
    if not path.exists():
        raise AssessmentUnreadable(
            "there is no stored assessment",
            where=str(path),
            fix="run casemate assess first, or name the file of an assessment",
        )
    return path


def load(given: Path | None) -> Assessment:
    """Read the stored assessment that `find` finds. Raises AssessmentUnreadable."""
    return record.load(find(given))
