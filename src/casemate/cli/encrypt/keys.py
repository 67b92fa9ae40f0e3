"""casemate encrypt keys: a client's keys, which never leave its machine."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

from casemate.cli import keystore
from casemate.cli.screen import err, out
from casemate.core.errors import CasemateError, KeyExists

Action = Literal["create", "show"]
FILE = Path("client.keys")
WHAT = "file of keys"


def command(
    action: Action,
    file: Path = FILE,
    /,
    *,
    program: Annotated[Path | None, Parameter(metavar="NAME.public.json")] = None,
    quiet: Annotated[bool, Parameter(name=["--quiet", "-q"])] = False,
) -> int:
    """Make the keys that rows are encrypted with, or show their name.

    The file is sealed under a passphrase: that of CASEMATE_KEYS_PASSPHRASE, or asked for on a terminal. The secret key
    in it never leaves this machine; keys for the server are made of it when they are needed.

    Args:
        action: What to do.
        file: The file of keys.
        program: With create: the program that the keys are for. They serve all programs with the same parameters.
        quiet: Print nothing.
    """
    from casemate.controls.encrypted_service.client_keys import load_client_keys, new_client_keys, save_client_keys
    from casemate.controls.encrypted_service.program_files import read_public

    if action == "show":
        keys = load_client_keys(file, lambda: keystore.passphrase(what=WHAT))
        out().print(f"{keys.fingerprint.hex()}  {told(keys.chain.scheme, keys.chain.degree, keys.chain.bits)}")
        return 0
    if program is None:
        raise CasemateError(
            "for which program?",
            where="casemate encrypt keys create",
            why="keys are made for the parameters of a program",
            fix=f"casemate encrypt keys create {file} --program NAME.public.json",
        )
    if file.exists():
        raise KeyExists(
            "there are keys already",
            where=str(file),
            why="replies to queries under them could no longer be read",
            fix="name another file, or move this one away",
        )
    chain = read_public(program).terms.query.chain
    keys = new_client_keys(chain)
    save_client_keys(keys, file, lambda: keystore.passphrase(new=True, what=WHAT))
    if not quiet:
        err().print(f"created {keys.fingerprint.hex()[:16]}, {told(chain.scheme, chain.degree, chain.bits)}, in {file}")
    return 0


def told(scheme: str, degree: int, bits: int) -> str:
    """Return the parameters of keys in words."""
    return f"{scheme.upper()}, degree {degree:,}, {bits} bits"
