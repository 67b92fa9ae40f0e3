"""Key stores made for tests: as those of users, but quick to open."""

from pathlib import Path

import pytest

from casemate.controls.encryption import passphrase
from casemate.controls.encryption.file_store import FileStore
from casemate.controls.encryption.passphrase import PassphraseRoot

WORDS = "correct horse"


CHEAP = "from casemate.controls.encryption import passphrase; passphrase.COST, passphrase.COSTS = 16, (2, 1 << 21)"
"""The same for a program of its own."""


def cheap(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make passphrases quick to hash, and so quick to guess."""
    monkeypatch.setattr(passphrase, "COST", 16)
    monkeypatch.setattr(passphrase, "COSTS", (2, 1 << 21))


def file_store(folder: Path, monkeypatch: pytest.MonkeyPatch, *keys: str, words: str = WORDS) -> FileStore:
    cheap(monkeypatch)
    store = FileStore(folder / "keys.casemate", PassphraseRoot(lambda: words))
    for key in keys:
        store.create(key)
    return store


def reopened(store: FileStore, words: str = WORDS) -> FileStore:
    return FileStore(store.path, PassphraseRoot(lambda: words))


def names(folder: Path) -> list[str]:
    """The names of all that is in a folder, hidden ones too."""
    return sorted(path.name for path in folder.iterdir())
