"""casemate lineage erase: a person is taken out of every file that holds them."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from casemate.cli.lineage import Dash, Store
from casemate.cli.lineage.opened import opened, split
from casemate.cli.lineage.people import subject_of
from casemate.cli.screen import err, out
from casemate.cli.table import show_table
from casemate.core.errors import CasemateError, did_you_mean
from casemate.report.words import printable

if TYPE_CHECKING:
    from casemate.controls.encryption import KeyStore
    from casemate.lineage import Lineage
    from casemate.lineage.erasure.erase import Shredder
    from casemate.lineage.erasure.plan import Plan, Wishes
    from casemate.lineage.erasure.receipt import Signed

Words = list[str] | None


def command(
    id: Annotated[str, Dash],
    /,
    *,
    reason: str = "",
    dry_run: Annotated[bool, Parameter(name="--dry-run")] = False,
    yes: Annotated[bool, Parameter(name=["--yes", "-y"])] = False,
    model: Annotated[Words, Parameter(metavar="NAME=CHOICE:REASON")] = None,
    delete: Annotated[Words, Parameter(metavar="NAME")] = None,
    shred: Annotated[Words, Parameter(metavar="NAME=KEY")] = None,
    keys: Annotated[str | None, Parameter(metavar="URI")] = None,
    policy: Path | None = None,
    receipt: Path | None = None,
    actor: str = "",
    store: Store = None,
) -> int:
    """Erase a person from every file that holds them, with a signed receipt.

    Each file is written again without the person's rows and takes the old one's place. Aggregates hold nobody's row
    and stay; the receipt says which of them the person was counted in, and whether noise hides that. Exits with 0 where
    all is erased, and with 3 where something could not be reached or was left.

    Args:
        id: The person's id, as it is in the source data; - reads it from stdin, so that it stays out of the shell's
            history.
        reason: Why, for the receipt, such as the number of the request; must not name the person.
        dry_run: Only show what would be done.
        yes: Erase without asking.
        model: What becomes of a model that was trained on the person: retrain, unlearn or accepted-risk, and why.
            Without NAME=, of every model that is not named; may be repeated.
        delete: A data set whose file is removed instead of rewritten; may be repeated.
        shred: A data set whose key is destroyed, and with it everybody in it; may be repeated.
        keys: Where keys are: file:PATH, vault:URL. Needed to destroy keys and to rewrite sealed files.
        policy: The privacy policy of sealed Parquet files, so that they are sealed again.
        receipt: Write the receipt here too. It lies among the lineage's files in any case.
        actor: Who asks for it. Default: that of CASEMATE_ACTOR, else the user of this machine.
        store: The lineage store. Default: that of CASEMATE_LINEAGE, else .casemate/lineage.db.
    """
    from casemate.cli.lineage.sealed import sealed_format
    from casemate.cli.tracing import actor as whoever
    from casemate.lineage.erasure.erase import erase
    from casemate.lineage.erasure.formats import FORMATS
    from casemate.lineage.erasure.plan import plan

    wishes = _wishes(model, delete, shred)
    opened_keys = _opened(keys)
    formats = (*sealed_format(policy, opened_keys), *FORMATS)
    subject = subject_of(id)
    with opened(store) as lineage:
        made = plan(lineage, subject, wishes, formats)
        _show(made)
        if dry_run:
            return 0
        _confirm(made, yes)
        signed = erase(
            lineage,
            made,
            subject,
            actor=actor or whoever(),
            reason=reason,
            shredder=_shredder(opened_keys, reason),
            formats=formats,
            watch=lambda done, of, name: err().print(f"{done} of {of}: {name}", soft_wrap=True),
        )
        return _finish(lineage, signed, receipt)


def _wishes(model: Words, delete: Words, shred: Words) -> Wishes:
    from casemate.lineage.erasure.plan import CHOICES, Decision, Wishes

    decisions = {}
    for name, word in split(model or [], "--model", "--model credit=retrain:'next nightly run'").items():
        choice, _, reason = word.partition(":")
        found = next((one for one in CHOICES if one == choice), None)
        if found is None:
            raise CasemateError(
                f"{choice!r} is no choice for a model.{did_you_mean(choice, CHOICES)}",
                where=f"--model {word}",
                fix=f"use one of: {', '.join(CHOICES)}",
            )
        decisions[name] = Decision(found, reason)
    return Wishes(
        frozenset(delete or ()), split(shred or [], "--shred", "--shred crm.people=crm.people.rest"), decisions
    )


def _opened(keys: str | None) -> KeyStore | None:
    if keys is None:
        return None
    from casemate.cli.keystore import opened as opened_keys

    return opened_keys(keys)


def _shredder(keys: KeyStore | None, reason: str) -> Shredder | None:
    if keys is None:
        return None

    def shred(name: str) -> None:
        keys.shred(name, reason)

    return shred


def _show(plan: Plan) -> None:
    from casemate.lineage.erasure.plan import PAST

    rows = [
        [str(step.dataset), step.method, str(len(step.rows)), step.version.location, step.key or step.reason]
        for step in plan.steps
        if step.reason != PAST
    ]
    for one in plan.affected:
        decided = f"{one.decision.choice}: {one.decision.reason}" if one.decision else "not decided"
        rows.append([str(one.model), "model", "", ", ".join(map(str, one.deployments)), decided])
    rows += [[str(one.dataset), "aggregate", "", "", one.note] for one in plan.figures]
    rows += [[str(thing), "not checked", "", "", "no tokens, and its file tells nobody"] for thing in plan.unchecked]
    show_table(["name", "what", "rows", "where", "why"], rows)


def _confirm(plan: Plan, yes: bool) -> None:
    if yes:
        return
    if not sys.stdin.isatty():
        raise CasemateError(
            "nothing was erased: nobody is here to be asked",
            why="rows that are erased are gone for good",
            fix="look at it with --dry-run, then add --yes",
        )
    err().print(f"{len(plan.steps)} versions are dealt with for good. Type erase to go on: ", end="", soft_wrap=True)
    if sys.stdin.readline().strip() != "erase":
        raise CasemateError("nothing was erased")


def _finish(lineage: Lineage, signed: Signed, receipt: Path | None) -> int:
    from casemate.lineage.erasure.erase import FOLDER
    from casemate.lineage.erasure.receipt import write

    kept = lineage.files / FOLDER / f"{signed.receipt.entry}.json"
    if receipt is not None:
        write(signed, receipt)
    for hit in signed.receipt.residue.hits:
        err().print(printable(f"left: {hit.what} in {hit.where}"), soft_wrap=True)
    for version in signed.receipt.versions:
        if version.method == "unreachable":
            err().print(printable(f"not reached: {version.name}@{version.digest[:12]}: {version.note}"), soft_wrap=True)
    for figures in signed.receipt.figures:
        if not figures.protected:
            err().print(printable(f"an aggregate: {figures.name}: {figures.note}"), soft_wrap=True)
    complete = signed.receipt.complete
    out().print("Erased." if complete else "Not everything could be erased.", soft_wrap=True)
    out().print(f"receipt {receipt or kept}", soft_wrap=True)
    return 0 if complete else 3
