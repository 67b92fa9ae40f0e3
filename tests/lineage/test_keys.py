import multiprocessing
import stat
from pathlib import Path

import pytest

from casemate.core.errors import LineageError
from casemate.lineage.keys import Keys, key_file


def test_a_key_is_made_once_for_its_owner(tmp_path: Path) -> None:
    folder = tmp_path / "files"
    first, second = Keys(key_file(folder)), Keys(key_file(folder))
    assert first.secret == second.secret
    assert len(first.secret) == 32
    assert stat.S_IMODE((folder / "key").stat().st_mode) == 0o600
    assert [path.name for path in folder.iterdir()] == ["key"]


def test_uses_and_salts_have_keys_of_their_own() -> None:
    keys = Keys(lambda: b"s" * 32)
    made = {keys.derive("a"), keys.derive("b"), keys.derive("a", b"1"), keys.derive("a", b"2")}
    assert len(made) == 4
    assert keys.derive("a") == Keys(lambda: b"s" * 32).derive("a")
    assert keys.public != Keys(lambda: b"t" * 32).public


def test_a_key_that_others_can_read_or_that_is_too_short_is_refused(tmp_path: Path) -> None:
    (tmp_path / "key").write_bytes(b"k" * 32)
    (tmp_path / "key").chmod(0o644)
    with pytest.raises(LineageError, match="read by others") as caught:
        _ = Keys(key_file(tmp_path)).secret
    assert "chmod 600" in str(caught.value)
    (tmp_path / "key").chmod(0o600)
    assert Keys(key_file(tmp_path)).secret == b"k" * 32
    with pytest.raises(LineageError, match="31 bytes"):
        _ = Keys(lambda: b"k" * 31).secret


def _secret(folder: str) -> str:
    return Keys(key_file(Path(folder))).secret.hex()


def test_two_processes_agree_on_the_key(tmp_path: Path) -> None:
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        assert len(set(pool.map(_secret, [str(tmp_path / "new")] * 4))) == 1
