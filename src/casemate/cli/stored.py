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


def file_of(system_file: Path) -> Path:
    """Return where the last assessment of a system file is kept; files of other names have one of their own."""
    own = system_file.stem if system_file.name != SYSTEM_FILE.name else ""
    return home(system_file) / (f"assessment-{own}.json" if own else FILE)


def keep(assessment: Assessment, system_file: Path) -> Path:
    """Store an assessment beside its system file; return where.

    Raises:
        CasemateError: the folder cannot be written to.
    """
    path = file_of(system_file)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, record.encode(assessment))
    except OSError as error:
        raise CasemateError(
            f"the assessment cannot be stored: {error.strerror}",
            where=str(path),
            why="casemate report, gate and diff read it from there",
            fix="make room, or the folder writable",
        ) from None
    return path


def find(given: Path | None) -> Path:
    """Return the file of a stored assessment: the one given, a system file's, or the newest of a folder (this one).

    Raises:
        AssessmentUnreadable: there is none.
    """
    path = given if given is not None else Path()
    if path.is_dir():
        path = _newest(path / FOLDER)
    elif path.suffix == ".toml":
        path = file_of(path)
    if not path.exists():
        raise AssessmentUnreadable(
            "there is no stored assessment",
            where=str(path),
            fix="run casemate assess first, or name the file of an assessment",
        )
    return path


def _newest(folder: Path) -> Path:
    """Return the assessment that was stored last; where there is none, where one would be."""
    return max(folder.glob("assessment*.json"), key=lambda path: path.stat().st_mtime_ns, default=folder / FILE)


def load(given: Path | None) -> Assessment:
    """Read the stored assessment that `find` finds. Raises AssessmentUnreadable."""
    return record.load(find(given))
