"""casemate encrypt verify-report: whether a verification is what was signed, and what it says."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from casemate.cli.encrypt.shown import CODES, parse, show, write
from casemate.core.errors import BadEnvelope, WrongProgram


def command(
    file: Path,
    /,
    *,
    card: str = "",
    program: Annotated[Path | None, Parameter(metavar="NAME.public.json")] = None,
    output: Annotated[list[str] | None, Parameter(name=["--output", "-o"], metavar="FORMAT=PATH")] = None,
    quiet: Annotated[bool, Parameter(name=["--quiet", "-q"])] = False,
) -> int:
    """Check the signature of a verification, and show it.

    Exits with 0 where it is genuine and everything held, with 1 where it was changed, is somebody else's or something
    did not hold, and with 3 where rows were too few to tell.

    Args:
        file: The verification, as casemate encrypt verify wrote it with --output json=PATH.
        card: The fingerprint of whoever must have signed it. Without it, it proves only that nobody changed it since.
        program: The program that it must be about, in either kind of file.
        output: Write json=PATH, html=PATH or markdown=PATH; may be repeated.
        quiet: Print nothing.
    """
    from casemate.cli.encrypt.asking import public_of
    from casemate.controls.encrypted_service.signed_verification import read_signed

    wanted = parse(output or [])
    signed = read_signed(file)
    try:
        signed.check(card or None)
        if program is not None and public_of(program).digest != signed.verification.program:
            raise WrongProgram("the verification is about another program", where=str(file))
    except (BadEnvelope, WrongProgram) as error:
        from casemate.cli.failure import show as show_failure

        show_failure(error)
        return 1
    write(wanted, signed, quiet=quiet)
    if not quiet:
        show(signed)
    return CODES[signed.verification.verdict]
