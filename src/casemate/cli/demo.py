"""casemate demo: the example systems, assessed from start to finish, and where to read what came of it."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter
from cyclopts.types import PositiveInt

from casemate.cli import walk as walks
from casemate.cli.screen import out
from casemate.core.errors import CasemateError
from casemate.core.files import write_whole

if TYPE_CHECKING:
    from casemate.core.assessment import Assessment

REPORTS = {"html": "report.html", "markdown": "report.md", "json": "report.json"}
WALKED = Path(".casemate") / "walked"
NOT_COPIED = shutil.ignore_patterns(".casemate", "__pycache__", ".*")


def command(
    *,
    keep: Path = Path("casemate-demo"),
    jobs: Annotated[PositiveInt | None, Parameter(name=["--jobs", "-j"])] = None,
) -> int:
    """Assess the example systems, and write their reports.

    Some examples are meant to be broken: that is the lesson. One with a file called walk is taken through the commands
    in it, from raw data to a deployment. Exits with 0 where everything could run, else with 2.

    Args:
        keep: Folder for copies of the examples, their evidence and reports. A second run there only runs what changed.
        jobs: Worker processes. Default: one per processor.
    """
    sources = sorted(folder for folder in examples().iterdir() if (folder / "casemate.toml").is_file())
    complete = [
        _walk(source, keep / source.name)
        if (source / walks.FILE).is_file()
        else _assess(source, keep / source.name, jobs)
        for source in sources
    ]
    out().print("Open a report.html in a browser: it needs no network.", soft_wrap=True)
    return 0 if all(complete) else 2


def examples() -> Path:
    """Return the folder of the examples: inside the installed package, or at the root of a checkout.

    Raises:
        CasemateError: neither is there.
    """
    import casemate

    package = Path(casemate.__file__).parent
    for folder in (package / "examples", package.parents[1] / "examples"):
        if folder.is_dir():
            return folder
    raise CasemateError("this installation holds no examples", where=str(package), fix="install casemate again")


def _assess(source: Path, folder: Path, jobs: int | None) -> bool:
    """Copy an example, assess the copy, and say what came of it; return whether everything could run."""
    from casemate import report
    from casemate.cli.assess import Asked, run
    from casemate.cli.failure import show

    out().print(f"{source.name}: every attack, with each control off and on ...", style="bold")
    try:
        _copy(source, folder)
        done, unkept = run(folder, Asked(jobs=jobs, cache=folder / ".casemate" / "cache"))
        if unkept is not None:
            raise unkept
        for format, name in REPORTS.items():
            report.write(format, folder / name, done)
    except CasemateError as error:
        show(error)  # the next example may do better
        return False
    _show(folder, done)
    return not any(finding.failure for finding in done.of("full"))


def _walk(source: Path, folder: Path) -> bool:
    """Take a copy of an example through its walk, unless that was done; return whether everything could run."""
    from casemate import __version__
    from casemate.cli.failure import show
    from casemate.core.digests import digest

    out().print(f"{source.name}: from raw data to a deployment ...", style="bold")
    mark, files = folder / WALKED, [path for path in sorted(source.iterdir()) if path.is_file()]
    walked = digest(__version__, {path.name: path for path in files})
    if not (mark.is_file() and mark.read_text(encoding="utf-8") == walked):
        try:
            shutil.rmtree(folder, ignore_errors=True)  # a walk that was cut off left keys and entries behind
            _copy(source, folder)
            if not walks.walk(folder):
                return False
        except CasemateError as error:
            show(error)
            return False
        mark.parent.mkdir(exist_ok=True)
        write_whole(mark, walked.encode())
    for page in sorted(folder.glob("*.html")):
        out().print(f"  {'html':<9} {page}", soft_wrap=True)
    out().print(f"  {'terminal':<9} cd {folder} && casemate lineage show\n", soft_wrap=True)
    return True


def _copy(source: Path, folder: Path) -> None:
    try:
        shutil.copytree(source, folder, dirs_exist_ok=True, ignore=NOT_COPIED)
    except (OSError, shutil.Error) as error:
        raise CasemateError(
            f"the example cannot be copied: {error}", where=str(folder), fix="choose another folder: --keep DIR"
        ) from None


def _show(folder: Path, done: Assessment) -> None:
    from casemate.report.summary import headline

    out().print(f"  {headline(done)}", soft_wrap=True)
    for format, name in REPORTS.items():
        out().print(f"  {format:<9} {folder / name}", soft_wrap=True)
    out().print(f"  {'terminal':<9} casemate report {folder}\n", soft_wrap=True)
