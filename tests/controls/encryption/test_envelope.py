import errno
import json
import os
import signal
import subprocess
import sys
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from casemate.controls.encryption import chunks, read_header, seal_file, unseal_file
from casemate.controls.encryption.envelope import MARK
from casemate.controls.encryption.file_store import FileStore
from casemate.core.errors import CasemateError, DataMissing, DataUnreadable, KeyMissing, KeyShredded, SealBroken
from controls.encryption.made import CHEAP, file_store, names

KILLED = f"""{CHEAP}
import os, signal, sys
from pathlib import Path
from casemate.controls.encryption import chunks, seal_file, unseal_file
from casemate.controls.encryption.file_store import FileStore
from casemate.controls.encryption.passphrase import PassphraseRoot
folder, what = Path(sys.argv[1]), sys.argv[2]
store = FileStore(folder / "store" / "keys.casemate", PassphraseRoot(lambda: "correct horse"))
def watch(_):
    os.kill(os.getpid(), signal.SIGKILL)
if what == "seal":
    seal_file(folder / "open", folder / "sealed", store, "pii", watch=watch)
else:
    unseal_file(folder / "sealed", folder / "open", store, watch=watch)
"""


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Chunks as small as a file may ask for."""
    monkeypatch.setattr(chunks, "CHUNK", chunks.SMALLEST)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(0, 5000))
def test_files_of_any_size_come_back(store: FileStore, tmp_path: Path, small: None, size: int) -> None:
    plain = os.urandom(size)
    (tmp_path / "open").write_bytes(plain)
    made = seal_file(tmp_path / "open", tmp_path / "sealed", store, "pii")
    assert (made.key, made.bytes) == ("pii", size)
    assert unseal_file(tmp_path / "sealed", tmp_path / "again", store) == made
    assert (tmp_path / "again").read_bytes() == plain
    raw = (tmp_path / "sealed").read_bytes()
    assert size < 16 or plain not in raw
    assert read_header(tmp_path / "sealed").key == "pii"


def made(store: FileStore, folder: Path, plain: bytes = bytes(3000), key: str = "pii") -> Path:
    (folder / "open").write_bytes(plain)
    seal_file(folder / "open", folder / "sealed", store, key)
    (folder / "open").unlink()
    return folder / "sealed"


def refused(path: Path, store: FileStore) -> BaseException:
    """Unsealing fails, and writes nothing."""
    target = path.with_name("target")
    with pytest.raises(CasemateError) as caught:
        unseal_file(path, target, store)
    assert not target.exists()
    return caught.value


def test_every_altered_byte_is_found(store: FileStore, tmp_path: Path, small: None) -> None:
    path = made(store, tmp_path)
    raw = path.read_bytes()
    end = raw.index(b"}") + 1
    for place in [*range(end), *range(end, len(raw), 97), len(raw) - 1]:
        altered = bytearray(raw)
        altered[place] ^= 1
        path.write_bytes(altered)
        refused(path, store)


def test_every_cut_and_every_addition_is_found(store: FileStore, tmp_path: Path, small: None) -> None:
    path = made(store, tmp_path)
    raw = path.read_bytes()
    for end in [*range(0, len(raw), 61), len(raw) - 1]:
        path.write_bytes(raw[:end])
        refused(path, store)
    path.write_bytes(raw + b"\0")
    refused(path, store)


def test_chunks_of_another_file_under_the_same_key_are_found(store: FileStore, tmp_path: Path, small: None) -> None:
    one = made(store, tmp_path).read_bytes()
    two = made(store, tmp_path).read_bytes()
    assert one != two and len(one) == len(two)
    (tmp_path / "sealed").write_bytes(one[:-500] + two[-500:])
    error = refused(tmp_path / "sealed", store)
    assert isinstance(error, SealBroken)
    assert "cannot be told apart" in str(error) and "byte 2,048" in str(error)


def headed(changed: dict[str, object]) -> bytes:
    """The start of a file with this in its header."""
    raw = json.dumps({"format": 1, "key": "pii", "wrapped": "v1:A", "id": "00", "chunk": 65536, **changed}).encode()
    return MARK + len(raw).to_bytes(4, "big") + raw


@pytest.mark.parametrize(
    ("raw", "told"),
    [
        (b"", "not a sealed file"),
        (b"hello", "not a sealed file"),
        (MARK, "damaged"),
        (MARK + b"\xff\xff\xff\xff" + b"x" * 100, "damaged"),
        (MARK + b"\0\0\0\2{}", "damaged"),
        (MARK + b"\0\0\0\3\xff\xfe\xfd", "damaged"),
        (headed({"format": 2}), "format 2"),
        (headed({})[:-5], "damaged"),
        (headed({"chunk": 1 << 40}), "chunks of"),
        (headed({"chunk": 1}), "chunks of"),
        (headed({"chunk": "1"}), "damaged"),
    ],
)
def test_what_is_no_sealed_file_is_told_before_anything_is_allocated(
    store: FileStore, tmp_path: Path, raw: bytes, told: str
) -> None:
    (tmp_path / "sealed").write_bytes(raw)
    tracemalloc.start()
    error = refused(tmp_path / "sealed", store)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert isinstance(error, DataUnreadable) and told in str(error)
    assert peak < 1 << 20


def test_memory_does_not_grow_with_the_file(store: FileStore, tmp_path: Path) -> None:
    with (tmp_path / "open").open("wb") as file:
        file.truncate(40 * chunks.CHUNK)
    store.list()
    tracemalloc.start()
    seal_file(tmp_path / "open", tmp_path / "sealed", store, "pii")
    unseal_file(tmp_path / "sealed", tmp_path / "again", store)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 8 * chunks.CHUNK


def test_a_rotated_key_still_opens_a_shredded_one_never(store: FileStore, tmp_path: Path) -> None:
    path = made(store, tmp_path)
    store.rotate("pii")
    unseal_file(path, tmp_path / "again", store)
    store.shred("pii", "erasure 7")
    error = refused(path, store)
    assert isinstance(error, KeyShredded) and "erasure 7" in str(error)


def test_another_store_with_a_key_of_that_name(
    store: FileStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = made(store, tmp_path)
    (tmp_path / "other").mkdir()
    error = refused(path, file_store(tmp_path / "other", monkeypatch, "pii"))
    assert isinstance(error, SealBroken) and "another key of that name" in str(error)


def test_a_missing_key_or_file(store: FileStore, tmp_path: Path) -> None:
    (tmp_path / "open").write_bytes(b"x")
    with pytest.raises(KeyMissing):
        seal_file(tmp_path / "open", tmp_path / "sealed", store, "pij")
    for source in (tmp_path / "none", tmp_path):
        with pytest.raises(DataMissing):
            seal_file(source, tmp_path / "sealed", store, "pii")
        with pytest.raises(DataMissing):
            unseal_file(source, tmp_path / "target", store)
    assert names(tmp_path) == ["open", "store"]


@pytest.mark.skipif(os.name != "posix", reason="permissions of POSIX")
def test_what_was_sealed_opens_for_its_owner_only(store: FileStore, tmp_path: Path) -> None:
    unseal_file(made(store, tmp_path), tmp_path / "again", store)
    assert (tmp_path / "again").stat().st_mode & 0o777 == 0o600


def test_a_full_disk_leaves_nothing(store: FileStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = made(store, tmp_path)

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    assert "No space left" in str(refused(path, store))
    with pytest.raises(CasemateError, match="No space left"):
        seal_file(path, tmp_path / "twice", store, "pii")
    assert names(tmp_path) == ["sealed", "store"]


@pytest.mark.skipif(not hasattr(os, "O_TMPFILE"), reason="this system has no files without names")
@pytest.mark.parametrize("what", ["seal", "unseal"])
def test_a_killed_process_leaves_no_half_file(store: FileStore, tmp_path: Path, what: str) -> None:
    plain = bytes(3 * chunks.CHUNK)
    if what == "seal":
        (tmp_path / "open").write_bytes(plain)
    else:
        made(store, tmp_path, plain)
    before = names(tmp_path)
    ran = subprocess.run([sys.executable, "-c", KILLED, str(tmp_path), what], check=False)
    assert ran.returncode == -signal.SIGKILL
    assert names(tmp_path) == before
