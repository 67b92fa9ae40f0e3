"""casemate assess: attack a system with its controls off and on, judge it, report it."""

from __future__ import annotations

import datetime
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Parameter
from cyclopts.types import NonNegativeInt, PositiveInt

from casemate.cli import outputs, selection, stored
from casemate.cli.assessed import trace_assessment
from casemate.cli.progress import bar
from casemate.core.errors import CasemateError

if TYPE_CHECKING:
    from casemate.assess import Interrupted, Options
    from casemate.core.assessment import Assessment
    from casemate.systems.file import Declared


def command(
    path: Path = stored.SYSTEM_FILE,
    /,
    *,
    attack: Annotated[list[str] | None, Parameter(name=["--attack", "-a"], metavar="ID|FAMILY")] = None,
    seed: NonNegativeInt | None = None,
    samples: PositiveInt | None = None,
    jobs: Annotated[PositiveInt | None, Parameter(name=["--jobs", "-j"])] = None,
    engine: Literal["local", "ray"] = "local",
    cache: Path | None = None,
    no_cache: bool = False,
    output: Annotated[list[str] | None, Parameter(name=["--output", "-o"], metavar="FORMAT=PATH")] = None,
    quiet: Annotated[bool, Parameter(name=["--quiet", "-q"])] = False,
    exit_zero: bool = False,
) -> int:
    """Attack a system with its controls off and on, and judge it.

    The assessment is kept in .casemate beside the system file, where casemate report, gate and diff find it.
    Exits with 0 held, 1 broken, 2 something could not run, 3 inconclusive or nothing assessed.

    Args:
        path: The system file, or its folder.
        attack: Run only this attack or family; may be repeated. Default: what the system file says, else all.
        seed: Seed of every random choice. Default: what the system file says.
        samples: Rows attacked by each attack. Default: what the system file says.
        jobs: Worker processes. Default: what the system file says, else one per processor.
        engine: Where the workers run: on this machine, or on Ray.
        cache: Folder for evidence, so that a second run only runs what changed. Default: .casemate/cache there.
        no_cache: Keep and use no evidence.
        output: Write a report as well, for example html=report.html; may be repeated.
        quiet: Print neither progress nor the report.
        exit_zero: Exit with 0 whatever the verdict.
    """
    wanted = outputs.parse(output or [])
    if no_cache and cache is not None:
        raise CasemateError("--cache and --no-cache contradict each other", fix="give one of them")
    folder = None if no_cache else cache or stored.home(path) / "cache"
    asked = Asked(tuple(attack or ()), seed, samples, jobs, engine, folder)
    done, unkept = run(path, asked, quiet=quiet)
    outputs.write(wanted, done, quiet=quiet)
    if not quiet:
        outputs.show(done, wanted)
    if unkept is not None:
        raise unkept
    return 0 if exit_zero else done.exit_code


@dataclass(frozen=True)
class Asked:
    """What the command line says of a run; None leaves it to the system file.

    Args:
        attacks: ids or families; empty leaves it to the system file.
        seed, samples, jobs: as in the system file.
        engine: ``local`` or ``ray``.
        cache: folder for evidence; None keeps none.
    """

    attacks: Sequence[str] = ()
    seed: int | None = None
    samples: int | None = None
    jobs: int | None = None
    engine: Literal["local", "ray"] = "local"
    cache: Path | None = None


def run(path: Path, asked: Asked, *, quiet: bool = False) -> tuple[Assessment, CasemateError | None]:
    """Load a system, assess it, store the assessment beside its file, and record it in the lineage.

    Returns:
        The assessment, and why it could not be stored, if so: hours of work are shown even where the disk is full.

    Raises:
        CasemateError: the system cannot be loaded.
        Interrupted: on a keyboard interrupt; finished jobs are in the cache.
    """
    from casemate.assess import Interrupted, assess
    from casemate.assess.plan import concerns
    from casemate.attacks import attacks
    from casemate.controls import find
    from casemate.controls.anonymity.foreign import read_foreign
    from casemate.systems.file import load

    started = datetime.datetime.now(datetime.UTC)
    selection.check(asked.attacks, attacks())
    declared = load(path, find_control=find, attacks=attacks(), read_labels=read_foreign)
    settings = declared.settings
    named = asked.attacks or settings.attacks
    chosen = selection.select(attacks(), named, () if asked.attacks else settings.skip)
    # Without being asked, nobody attacks a model or a table that is not there.
    chosen = [attack for attack in chosen if named or concerns(attack, declared.system)]
    try:
        with bar(quiet=quiet) as watch:
            done = assess(
                declared.system,
                chosen,
                access=declared.access,
                policy=declared.policy,
                options=_options(asked, declared, path),
                watch=watch,
            )
    except Interrupted as stop:
        stop.add_note(how_to_go_on(stop, path, asked))
        raise
    try:
        stored.keep(done, declared.path)
        trace_assessment(done, declared.path, started)
    except CasemateError as error:
        return done, error
    return done, None


def _options(asked: Asked, declared: Declared, path: Path) -> Options:
    from casemate.assess import Options, Override

    settings = declared.settings
    return Options(
        seed=settings.seed if asked.seed is None else asked.seed,
        samples=asked.samples or settings.samples,
        workers=asked.jobs or settings.jobs,
        engine=asked.engine,
        cache=asked.cache,
        overrides={id: Override(own.budget, own.samples) for id, own in settings.overrides.items()},
        warnings=declared.warnings,
        path=str(path),
    )


def how_to_go_on(stop: Interrupted, path: Path, asked: Asked) -> str:
    """Return what is kept of an interrupted run, and the command that runs the rest."""
    options: list[tuple[str, object]] = [("--attack", name) for name in asked.attacks]
    options += [("--seed", asked.seed), ("--samples", asked.samples), ("--jobs", asked.jobs)]
    options += [("--engine", asked.engine if asked.engine != "local" else None)]
    options += [("--cache", asked.cache if asked.cache != stored.home(path) / "cache" else None)]
    words = [str(word) for name, value in options if value is not None for word in (name, value)]
    again = shlex.join(["casemate", "assess", str(path), *words, *([] if stop.kept else ["--no-cache"])])
    if not stop.kept:
        return f"nothing was kept, for there is no cache; to start again: {again}"
    return f"what is done is in the cache; to go on: {again}"
