"""casemate encrypt identity: the keys that a server, or whoever verifies a program, signs with."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

from casemate.cli.screen import err, out
from casemate.core.errors import KeyExists

Action = Literal["create", "show"]
FILE = Path("server.identity")


def command(
    action: Action, file: Path = FILE, /, *, quiet: Annotated[bool, Parameter(name=["--quiet", "-q"])] = False
) -> int:
    """Make the keys that a server signs with, or show their fingerprint.

    Clients compare the fingerprint with what the server shows them; tell it to them by another way than the server. The
    keys open no ciphertext. Keep them as you keep a TLS key: whoever has them can answer in the server's name.

    Args:
        action: What to do.
        file: The file of keys, for its owner's eyes only.
        quiet: Print the fingerprint alone.
    """
    from casemate.controls.encrypted_service.signing import load_identity, new_identity

    if action == "create":
        if file.exists():
            raise KeyExists(
                "there is an identity already",
                where=str(file),
                why="clients that know its fingerprint would refuse another one",
                fix="name another file, or move this one away",
            )
        new_identity().save(file)
        if not quiet:
            err().print(f"created {file}; clients have to know its fingerprint:", soft_wrap=True)
    out().print(load_identity(file).card.fingerprint, soft_wrap=True)
    return 0
