"""casemate encrypt verify: a program is tried before anybody relies on it."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter
from cyclopts.types import NonNegativeInt, PositiveInt

from casemate.cli.encrypt import identity as identities
from casemate.cli.encrypt.modelled import Asked, load_like, modelled
from casemate.cli.encrypt.shown import CODES, parse, show, write
from casemate.cli.spinner import spinner
from casemate.cli.tracing import trace_reading, version_of
from casemate.core.errors import CasemateError

if TYPE_CHECKING:
    import numpy as np

    from casemate.controls.encrypted_service.descriptions import Description
    from casemate.core.model import Model
    from casemate.core.provenance import DatasetVersion

Output = Annotated[list[str] | None, Parameter(name=["--output", "-o"], metavar="FORMAT=PATH")]


def command(
    program: Path,
    /,
    *,
    rows: Annotated[str, Parameter(metavar="DATA")] = "",
    model: Annotated[Path | None, Parameter(metavar="SYSTEM|MODEL")] = None,
    samples: PositiveInt = 100,
    needed: float = 0.95,
    seed: NonNegativeInt = 0,
    identity: Path = identities.FILE,
    output: Output = None,
    allow_pickle: bool = False,
    lineage: Annotated[str | None, Parameter(metavar="URL")] = None,
    quiet: Annotated[bool, Parameter(name=["--quiet", "-q"])] = False,
) -> int:
    """Try a program on rows, tamper with its messages, sign what was found.

    Rows are encrypted, answered and decrypted through real messages, in this process. What comes out is compared with
    the model; messages are altered, cut off, repeated, delayed and misdirected, and each has to be refused. Exits with
    0 where everything holds, with 1 where something does not, and with 3 where rows are too few to tell.

    Args:
        program: The program, with its weights.
        rows: Rows that the model was not trained on. Default: the test rows of a system file.
        model: What the program was compiled from, to compare decisions with. Default: the program's own weights.
        samples: How many rows to ask, drawn at random.
        needed: The share of decisions that must be the same, from 0 to 1.
        seed: Seed of which rows are drawn and which bits altered.
        identity: The keys to sign with; see casemate encrypt identity.
        output: Write json=PATH (which is what is signed), html=PATH or markdown=PATH; may be repeated.
        allow_pickle: Read a model from a pickle, after a scan.
        lineage: The lineage store.
        quiet: Print nothing.
    """
    from casemate.controls.encrypted_service.descriptions import read
    from casemate.controls.encrypted_service.program_files import read_program
    from casemate.controls.encrypted_service.signed_verification import signed
    from casemate.controls.encrypted_service.signing import load_identity
    from casemate.controls.encrypted_service.verifying import Plain, verify_program

    started = datetime.datetime.now(datetime.UTC)
    wanted = parse(output or [])
    if not 0 <= needed <= 1:
        raise CasemateError(f"{needed:g} is no share", where="--needed", fix="a number from 0 to 1, such as 0.95")
    signer, held = load_identity(identity), read_program(program)
    description = read(held.public.to_bytes())
    with spinner(quiet=quiet) as say:
        if say:
            say("loading rows")
        against, all_rows, source, data = _given(description, rows, model, allow_pickle=allow_pickle)
        drawn, refused = _drawn(description, all_rows, samples, seed)
        plain = None if against is None else Plain(against.kind, against.scores(drawn))
        found = verify_program(
            held, drawn, source=source, refused=refused, plain=plain, needed=needed, seed=seed, watch=say
        )
    done = signed(found, signer)
    write(wanted, done, quiet=quiet)
    facts = {"program": found.program, "verdict": found.verdict, "rows": str(len(drawn))}
    for version in data:
        trace_reading("casemate encrypt verify", version, started, lineage, facts=facts)
    if not quiet:
        show(done)
    return CODES[found.verdict]


def _given(
    description: Description, rows: str, path: Path | None, *, allow_pickle: bool
) -> tuple[Model | None, np.ndarray, str, tuple[DatasetVersion, ...]]:
    """The model to compare with, the rows to ask, where they come from, and the files that were read."""
    from casemate.cli.encrypt.rows import rows_for, schema_of

    asked = version_of(rows) if rows else None
    files = (asked,) if asked else ()
    if path is None or not (path.is_dir() or path.suffix == ".toml"):
        if not rows:
            raise CasemateError("which rows?", where="--rows", fix="give rows that the model was not trained on")
        loaded = None if path is None else load_like(path, schema_of(description), allow_pickle=allow_pickle)
        return loaded, rows_for(description, rows), rows, files
    given = modelled(path, Asked())
    _check_same(description, given.schema.features, given.schema.classes, path)
    if rows:
        return given.model, rows_for(description, rows), rows, (*given.data, *files)
    assert given.held is not None  # a system has test rows
    return given.model, given.held, f"test rows of {given.name}", given.data


def _check_same(description: Description, features: int, classes: tuple[str, ...], path: Path) -> None:
    have = description.prepare().features, description.classes
    if have != (features, classes):
        raise CasemateError(
            f"the model takes {features} features and tells {', '.join(classes)} apart, "
            f"the program takes {have[0]} and tells {', '.join(have[1])} apart",
            where=str(path),
            fix="name what the program was compiled from",
        )


def _drawn(description: Description, rows: np.ndarray, samples: int, seed: int) -> tuple[np.ndarray, int]:
    """Rows that clients would encrypt, in their order, at most so many; and how many of all they would refuse."""
    import numpy as np

    from casemate.core.errors import OutOfRange

    prepare, fine = description.prepare(), np.ones(len(rows), dtype=bool)
    for place, row in enumerate(rows):
        try:
            prepare(row[None])
        except OutOfRange:
            fine[place] = False
    left = np.flatnonzero(fine)
    rng = np.random.default_rng(seed)
    chosen = np.sort(rng.permutation(left)[:samples])
    if not len(chosen):
        raise CasemateError(
            "all rows lie outside the ranges that the program was calibrated on",
            fix="check the rows, or compile again with calibration rows like them",
        )
    return rows[chosen], int((~fine).sum())
