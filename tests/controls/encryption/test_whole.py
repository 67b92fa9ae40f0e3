import errno
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from casemate.controls.encryption import whole
from casemate.controls.encryption.whole import unwritable, wipe, written_whole
from controls.encryption.made import names

KILLED = """
import os, signal, sys
from pathlib import Path
from casemate.controls.encryption.whole import written_whole
with written_whole(Path(sys.argv[1])) as file:
    file.write(b"half" * 100000)
    file.flush()
    os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture(params=[True, False], ids=["nameless", "hidden"])
def nameless(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> bool:
    """Both ways to write: a file without a name, and a hidden one."""
    if not request.param:
        monkeypatch.setattr(whole, "_nameless", lambda *_: None)
    elif not hasattr(os, "O_TMPFILE"):
        pytest.skip("this system has no files without names")
    return bool(request.param)


def test_a_file_is_there_when_it_is_whole(tmp_path: Path, nameless: bool) -> None:
    path = tmp_path / "file"
    with written_whole(path) as file:
        file.write(b"new")
        assert not path.exists()
    assert path.read_bytes() == b"new"
    with written_whole(path) as file:
        file.write(b"newer")
        assert path.read_bytes() == b"new"
    assert path.read_bytes() == b"newer"
    assert names(tmp_path) == ["file"]


def test_an_error_leaves_what_was_there_and_nothing_else(tmp_path: Path, nameless: bool) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"old")
    with pytest.raises(TypeError), written_whole(path) as file:
        file.writelines([b"x" * 100_000, None])  # type: ignore[list-item]
    assert path.read_bytes() == b"old"
    assert names(tmp_path) == ["file"]


def test_a_full_disk_leaves_nothing(tmp_path: Path, nameless: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"), written_whole(tmp_path / "file") as file:
        file.write(b"x")
    assert names(tmp_path) == []


@pytest.mark.skipif(not hasattr(os, "O_TMPFILE"), reason="this system has no files without names")
def test_a_killed_process_leaves_nothing_at_all(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"old")
    ran = subprocess.run([sys.executable, "-c", KILLED, str(path)], check=False)
    assert ran.returncode == -signal.SIGKILL
    assert path.read_bytes() == b"old"
    assert names(tmp_path) == ["file"]


@pytest.mark.skipif(os.name != "posix", reason="permissions of POSIX")
def test_rights(tmp_path: Path, nameless: bool) -> None:
    held = os.umask(0o022)
    try:
        for private, mode in ((True, 0o600), (False, 0o644)):
            with written_whole(tmp_path / "file", private=private) as file:
                file.write(b"x")
            assert (tmp_path / "file").stat().st_mode & 0o777 == mode
    finally:
        os.umask(held)


def test_a_missing_folder(tmp_path: Path, nameless: bool) -> None:
    with pytest.raises(FileNotFoundError), written_whole(tmp_path / "none" / "file"):
        pass


def test_a_wiped_file_holds_zeros_only(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"secret" * 300_000)
    number = os.open(path, os.O_RDWR)
    try:
        wipe(number)
    finally:
        os.close(number)
    assert path.read_bytes() == bytes(6 * 300_000)


def test_the_error_says_that_nothing_was_lost(tmp_path: Path) -> None:
    said = str(unwritable(OSError(errno.ENOSPC, "No space left on device"), tmp_path))
    assert "No space left" in said and str(tmp_path) in said and "nothing was written" in said
