"""casemate demo: the example systems, assessed from start to finish, and where to read what came of it."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter
from cyclopts.types import PositiveInt

from casemate.cli.screen import out
from casemate.core.errors import CasemateError

if TYPE_CHECKING:
    from casemate.core.assessment import Assessment

REPORTS = {"html": "report.html", "markdown": "report.md", "json": "report.json"}
NOT_COPIED = shutil.ignore_patterns(".casemate", "__pycache__", ".*")


@dataclass(frozen=True)
class Example:
    """One example: its folder, and what came of it; None where it could not be assessed."""

    folder: Path
    done: Assessment | None


def command(
    *,
    keep: Path = Path("casemate-demo"),
    jobs: Annotated[PositiveInt | None, Parameter(name=["--jobs", "-j"])] = None,
) -> int:
    """Assess the example systems, and write their reports.

    The examples are meant to be broken: that is the lesson. Exits with 0 where every attack could run, else with 2.

    Args:
        keep: Folder for copies of the examples, their evidence and reports. A second run there only runs what changed.
        jobs: Worker processes. Default: one per processor.
    """
    sources = sorted(folder for folder in examples().iterdir() if (folder / "casemate.toml").is_file())
    ran = [_assess(source, keep / source.name, jobs) for source in sources]
    _show(ran)
    return 0 if all(_complete(example) for example in ran) else 2


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


def _assess(source: Path, folder: Path, jobs: int | None) -> Example:
    """Copy an example and assess the copy; one that cannot be assessed does not stop the next."""
    from casemate import report
    from casemate.cli.assess import Asked, run
    from casemate.cli.failure import show

    out().print(f"assessing {source.name} ...")
    try:
        _copy(source, folder)
        done = run(folder, Asked(jobs=jobs, cache=folder / ".casemate" / "cache"))
        for format, name in REPORTS.items():
            report.write(format, folder / name, done)
    except CasemateError as error:
        show(error)
        return Example(folder, None)
    return Example(folder, done)


def _copy(source: Path, folder: Path) -> None:
    try:
        shutil.copytree(source, folder, dirs_exist_ok=True, ignore=NOT_COPIED)
    except (OSError, shutil.Error) as error:
        raise CasemateError(
            f"the example cannot be copied: {error}", where=str(folder), fix="choose another folder: --keep DIR"
        ) from None


def _complete(example: Example) -> bool:
    return example.done is not None and not any(f.failure for f in example.done.of("full"))


def _show(ran: list[Example]) -> None:
    from casemate.report.summary import headline

    console = out()
    for example in ran:
        console.print(f"\n{example.folder.name}", style="bold")
        if example.done is None:
            console.print("  could not be assessed")
            continue
        console.print(f"  {headline(example.done)}", soft_wrap=True)
        for format, name in REPORTS.items():
            console.print(f"  {format:<9} {example.folder / name}", soft_wrap=True)
        console.print(f"  {'again':<9} casemate report {example.folder}", soft_wrap=True)
    console.print("\nOpen a report.html in a browser: it needs no network.", soft_wrap=True)
