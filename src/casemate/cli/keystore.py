"""The key store of a command: opened by its address, with a passphrase from the environment or typed on a terminal."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from casemate.controls.encryption import KeyStore

DEFAULT = "file:keys.casemate"


def opened(uri: str, *, may_be_new: bool = False) -> KeyStore:
    """Return the key store at an address; its passphrase is asked for when it is needed.

    Args:
        uri: of the store; paths are seen from the working folder.
        may_be_new: whether the command makes a file that does not exist; its passphrase is then typed twice.
    """
    from casemate.controls.encryption import open_store

    kind, _, path = uri.partition(":")
    new = may_be_new and kind == "file" and not (Path.cwd() / path).exists()
    return open_store(uri, root=Path.cwd(), passphrase=lambda: passphrase(new=new))


def passphrase(*, new: bool = False, what: str = "key store") -> str:
    """Return the passphrase: of the environment; else of the terminal, where there is one.

    Args:
        new: whether it is for something new, and typed twice.
        what: what it opens.

    Raises:
        KeyRefused: there is none, or the two that were typed differ.
    """
    import os
    from getpass import getpass

    from casemate.controls.encryption.passphrase import VARIABLE, from_environment
    from casemate.core.errors import KeyRefused

    if os.environ.get(VARIABLE) or not sys.stdin.isatty():
        return from_environment()
    typed = getpass(f"Passphrase of the {'new ' if new else ''}{what}: ")
    if new and getpass("The same again: ") != typed:
        raise KeyRefused(
            "the two passphrases differ", why="nothing was made: nobody could open it", fix="run the command again"
        )
    return typed
