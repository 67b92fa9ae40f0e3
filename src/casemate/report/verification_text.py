"""The verification of an encrypted program for the terminal, and as Markdown for a pipeline's summary page."""

from __future__ import annotations

from typing import TYPE_CHECKING

from casemate.controls.encrypted_service.signed_verification import SignedVerification
from casemate.controls.encrypted_service.verification import Verdict, judged
from casemate.report import words
from casemate.report.markdown import plain
from casemate.report.verification_facts import costs, facts, headline, parameters, queried

if TYPE_CHECKING:
    from rich.console import Console

STYLES: dict[Verdict, str] = {"held": "bold cyan", "broken": "bold red", "inconclusive": "bold yellow"}


def show(signed: SignedVerification, console: Console) -> None:
    """Print a verification: the verdict first, then every check, then what it costs."""
    record = signed.verification
    console.print(f"{record.verdict.upper():<14}", style=STYLES[record.verdict], end="")
    console.print(words.printable(headline(record)), soft_wrap=True)
    console.print()
    for check in judged(record):
        console.print(f"{check.verdict:<14}", style=STYLES[check.verdict].removeprefix("bold "), end="")
        console.print(words.printable(f"{check.name}: {check.told}"), soft_wrap=True)
    console.print()
    for name, told in costs(record):
        console.print(f"  {name:<38}  {told}", soft_wrap=True)
    console.print(f"\nsigned by {signed.signer.fingerprint}", soft_wrap=True)


def markdown(signed: SignedVerification) -> str:
    """Return a verification as GitHub-flavoured Markdown."""
    record = signed.verification
    lines = [f"## Casemate: {record.verdict}", "", f"**{plain(headline(record))}**", ""]
    lines += ["| Check | Verdict | What was found |", "|---|---|---|"]
    lines += [f"| {check.name} | {check.verdict} | {plain(check.told)} |" for check in judged(record)]
    lines += ["", "| Altered messages | By | Tried | Refused |", "|---|---|---|---|"]
    lines += [f"| {plain(one.what)} | {one.by} | {one.tried:,} | {one.refused:,} |" for one in record.mutations]
    tables = {
        f"Costs of {queried(record)}": costs(record),
        "Parameters": parameters(record),
        "Record": facts(signed),
    }
    for title, pairs in tables.items():
        lines += ["", f"| {title} | |", "|---|---|", *(f"| {plain(name)} | {plain(told)} |" for name, told in pairs)]
    return "\n".join(lines) + "\n"
