from pathlib import Path

import pytest

from casemate.controls.encryption.file_store import FileStore
from controls.encryption.made import file_store


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FileStore:
    """A key store in a file, with three keys."""
    (tmp_path / "store").mkdir()
    return file_store(tmp_path / "store", monkeypatch, "pii", "health", "rest")
