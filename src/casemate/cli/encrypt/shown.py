"""A verification, shown on the terminal and written as reports."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from casemate.cli import outputs
from casemate.cli.screen import err, out
from casemate.core.errors import CasemateError

if TYPE_CHECKING:
    from casemate.controls.encrypted_service.signed_verification import SignedVerification

CODES = {"held": 0, "broken": 1, "inconclusive": 3}
FORMATS = ("json", "html", "markdown")


def parse(asked: Sequence[str]) -> list[outputs.Output]:
    """Return what ``--output`` asks for.

    Raises:
        CasemateError: not FORMAT=PATH, no such format, or a place that cannot be written to.
    """
    wanted = outputs.parse(asked)
    for one in wanted:
        if one.format not in FORMATS:
            raise CasemateError(
                f"a verification is not written as {one.format}", where="--output", fix=f"use {', '.join(FORMATS)}"
            )
    return wanted


def write(wanted: Sequence[outputs.Output], signed: SignedVerification, *, quiet: bool = False) -> None:
    """Write every report, and say on stderr where each is.

    Raises:
        CasemateError: a file cannot be written.
    """
    from casemate.controls.encryption.whole import unwritable, written_whole
    from casemate.report import verification, verification_text

    for one in wanted:
        match one.format:
            case "json":
                data = signed.to_bytes()
            case "html":
                data = verification.render(signed)
            case _:
                data = verification_text.markdown(signed).encode()
        try:
            one.path.parent.mkdir(parents=True, exist_ok=True)
            with written_whole(one.path) as file:
                file.write(data)
        except OSError as error:
            raise unwritable(error, one.path) from error
        if not quiet:
            err().print(f"wrote {one.path}", soft_wrap=True)


def show(signed: SignedVerification) -> None:
    """Print a verification to stdout."""
    from casemate.report import verification_text

    verification_text.show(signed, out())
