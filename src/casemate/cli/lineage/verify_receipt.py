"""casemate lineage verify-receipt: whether the receipt of an erasure is what was signed, and tells of this lineage."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from casemate.cli.lineage import Store
from casemate.cli.lineage.opened import opened
from casemate.cli.lineage.people import subject_of
from casemate.cli.screen import out
from casemate.core.errors import CasemateError, ChainBroken
from casemate.report.words import printable


def command(
    file: Path,
    /,
    *,
    key: str = "",
    subject: str = "",
    alone: Annotated[bool, Parameter(name="--alone")] = False,
    store: Store = None,
) -> int:
    """Check the receipt of an erasure.

    Exits with 0 where the receipt is genuine and the erasure was complete, with 1 where it is not, and with 3 where it
    is genuine, but something was left or could not be reached.

    Args:
        file: The receipt.
        key: Public key that it must be signed with, in hexadecimal. Default: the keys that the lineage knows.
        subject: The person's id: check that the receipt is about them; - reads it from stdin.
        alone: Check the signature without the lineage, with the key given.
        store: The lineage store. Default: that of CASEMATE_LINEAGE, else .casemate/lineage.db.
    """
    from casemate.lineage.erasure.receipt import check, read, reference

    signed = read(file)
    if alone and (not key or subject):
        raise CasemateError("--alone needs --key, and cannot tell whom a receipt is about", fix="leave --alone out")
    try:
        if alone:
            check(signed, key=key)
        else:
            with opened(store) as lineage:
                check(signed, lineage.store, key)
                lineage.verify(signed.receipt.hash)
                if subject and reference(lineage.keys, subject_of(subject)) != signed.receipt.reference:
                    raise ChainBroken("the receipt is about somebody else", where=str(file))
    except ChainBroken as error:
        from casemate.cli.failure import show

        show(error)
        return 1
    receipt = signed.receipt
    out().print(printable(f"Genuine: erased on {receipt.when} by {receipt.actor}: {receipt.reason}"), soft_wrap=True)
    if not receipt.complete:
        out().print("Not complete: see its versions that are unreachable, and its residue.", soft_wrap=True)
    return 0 if receipt.complete else 3
