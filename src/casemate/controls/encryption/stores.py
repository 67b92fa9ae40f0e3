"""Opening a key store by its address: a file, a Vault server, a cloud service, or one that somebody else wrote."""

from __future__ import annotations

from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Any

from casemate.controls.encryption.key_store import KeyStore
from casemate.controls.encryption.passphrase import Passphrase, PassphraseRoot, from_environment
from casemate.core.errors import CasemateError, UnknownName, did_you_mean

GROUP = "casemate.keystores"
"""Entry points of third-party stores: each a function ``(rest of the address, root, passphrase) -> KeyStore``."""

DEFAULT_FILE = "keys.casemate"
OURS = ("file", "vault", "kms")


def open_store(uri: str, *, root: Path, passphrase: Passphrase | None = None) -> KeyStore:
    """Return a key store; nothing is read yet.

    Args:
        uri: ``file:PATH``; ``vault:https://HOST/ENGINE`` (token in VAULT_TOKEN); ``kms:aws:KEY#PATH`` (a file that the
            cloud key seals); or ``NAME:...`` for an installed one. Never with a secret in it.
        root: the folder that paths are seen from.
        passphrase: gives the passphrase of a file, when it is needed; from CASEMATE_KEYS_PASSPHRASE where None.

    Raises:
        UnknownName: no such kind of store.
        SecretError: an address that cannot be used.
        ExtraMissing: the library of a cloud service is not installed.
        CasemateError: an installed store that cannot be imported.
    """
    kind, _, rest = uri.partition(":")
    ask = passphrase or from_environment
    if kind == "file":
        from casemate.controls.encryption.file_store import FileStore

        path = rest or DEFAULT_FILE
        return FileStore(root / path, PassphraseRoot(ask), f"file:{path}")
    if kind == "vault":
        from casemate.controls.encryption.vault import VaultStore

        return VaultStore(rest)
    return _cloud(rest, root, uri) if kind == "kms" else _installed(kind, rest, root, ask)


def _cloud(rest: str, root: Path, uri: str) -> KeyStore:
    from casemate.controls.encryption.cloud import CloudRoot, aws
    from casemate.controls.encryption.file_store import FileStore

    provider, _, place = rest.partition(":")
    key_id, _, path = place.partition("#")
    if provider != "aws" or not key_id:
        raise UnknownName(
            f"there is no cloud service {provider!r}, or no key of it is named",
            where=f"kms:{provider}",
            fix="write kms:aws:KEY#PATH; for another service install a package that adds it as a key store",
        )
    return FileStore(root / (path or DEFAULT_FILE), CloudRoot(aws(key_id)), uri)


def _installed(kind: str, rest: str, root: Path, passphrase: Passphrase) -> KeyStore:
    found = {entry.name: entry for entry in entry_points(group=GROUP)}
    if kind not in found:
        known = (*OURS, *found)
        raise UnknownName(
            f"there is no kind of key store {kind!r}.{did_you_mean(kind, known)}",
            why=f"the word before the first colon of its address says which; there are {', '.join(known)}",
            fix=f"write for example file:{DEFAULT_FILE}",
        )
    store: KeyStore = _loaded(found[kind])(rest, root, passphrase)
    return store


def _loaded(entry: EntryPoint) -> Any:
    try:
        return entry.load()
    except Exception as error:
        raise CasemateError(
            f"the key store {entry.name!r} could not be imported: {error}",
            where=f"entry point {entry.value!r} in group {GROUP!r}",
            fix="repair or uninstall the package that provides it",
        ) from error
