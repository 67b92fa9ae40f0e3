"""Failures on stderr: what, where, why and what to do next; a traceback only where it was asked for."""

from __future__ import annotations

from casemate.cli.screen import err
from casemate.core.errors import CasemateError
from casemate.report.words import printable


def show(error: BaseException, *, debug: bool = False) -> None:
    """Print an error for a person to act on.

    Args:
        error: what was raised.
        debug: whether to print the traceback as well, and what the error kept of another process.
    """
    console = err()
    if debug:
        import traceback

        console.print("".join(traceback.format_exception(error)), end="", soft_wrap=True)
        if isinstance(error, CasemateError) and error.details:
            console.print(error.details.rstrip(), soft_wrap=True)
    for position, (label, text) in enumerate(_told(error, debug)):
        name = f"{label}: " if position == 0 else f"  {label + ':':<7}"
        console.print(name, style="bold red" if position == 0 else "bold", end="")
        console.print(printable(text), soft_wrap=True)


def _told(error: BaseException, debug: bool) -> list[tuple[str, str]]:
    """The error in lines, each with its label; the first says what is wrong."""
    from cyclopts import CycloptsError

    if isinstance(error, CasemateError):
        parts = [("error", error.what), ("where", error.where), ("why", error.why), ("fix", error.fix)]
        if error.details and not debug:
            parts.append(("more", "add --debug to see the traceback"))
        return [(label, text) for label, text in parts if text]
    if isinstance(error, CycloptsError):
        return [("error", str(error).strip()), ("fix", f"see {_help_command(error)}")]
    if isinstance(error, KeyboardInterrupt):
        notes = [("fix", note) for note in getattr(error, "__notes__", [])]
        return [("error", str(error) or "interrupted before anything was attacked"), *notes]
    if isinstance(error, OSError) and error.strerror:
        return [("error", f"{error.strerror}{f': {error.filename}' if error.filename else ''}")]
    hidden = "" if debug else "add --debug to see the traceback, and "
    return [
        ("error", f"{type(error).__name__}: {error}"),
        ("why", "Casemate did not foresee this: it is a mistake of Casemate's or of code that it was asked to run"),
        ("fix", f"{hidden}report it if it is Casemate's"),
    ]


def _help_command(error: object) -> str:
    chain = getattr(error, "command_chain", None) or ()
    return " ".join(("casemate", *chain, "--help"))
