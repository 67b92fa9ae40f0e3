from pathlib import Path

import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, given, settings

from casemate.core.errors import LineageError
from casemate.lineage import sealed


def key_of(salt: bytes) -> bytes:
    return salt * 2


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=100), st.binary(max_size=100))
def test_sections_come_back(tmp_path: Path, first: bytes, second: bytes) -> None:
    old = sealed.CHUNK
    try:
        sealed.CHUNK = 16
        sealed.write(tmp_path / "x", (first, second), "me", key_of)
        assert bytes(sealed.read(tmp_path / "x", 0, "me", key_of)) == first
        assert bytes(sealed.read(tmp_path / "x", 1, "me", key_of)) == second
    finally:
        sealed.CHUNK = old


def test_nothing_is_readable_and_the_file_is_its_owners(tmp_path: Path) -> None:
    sealed.write(tmp_path / "x", (b"secret words", b"more secret words"), "me", key_of)
    data = (tmp_path / "x").read_bytes()
    assert b"secret" not in data
    assert (tmp_path / "x").stat().st_mode & 0o777 == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["x"]


def test_any_changed_byte_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sealed, "CHUNK", 16)
    sealed.write(tmp_path / "x", (b"a" * 40, b"b" * 20), "me", key_of)
    whole = (tmp_path / "x").read_bytes()
    for place in range(len(whole)):
        (tmp_path / "x").write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        with pytest.raises(LineageError) as caught:
            _ = [sealed.read(tmp_path / "x", section, "me", key_of) for section in (0, 1)]
        assert caught.value.fix


@pytest.mark.parametrize("length", [0, 5, 30, 50, 70, 90])
def test_a_file_that_was_cut_off_is_refused(tmp_path: Path, length: int) -> None:
    sealed.write(tmp_path / "x", (b"a" * 40, b"b" * 20), "me", key_of)
    (tmp_path / "x").write_bytes((tmp_path / "x").read_bytes()[:length])
    with pytest.raises(LineageError):
        sealed.read(tmp_path / "x", 0, "me", key_of)


def test_another_key_another_label_and_no_file(tmp_path: Path) -> None:
    sealed.write(tmp_path / "x", (b"a", b"b"), "me", key_of)
    with pytest.raises(LineageError, match="another's"):
        sealed.read(tmp_path / "x", 0, "you", key_of)
    with pytest.raises(LineageError, match="the key is not the one"):
        sealed.read(tmp_path / "x", 0, "me", lambda salt: b"j" * 32)
    with pytest.raises(LineageError, match="No such file"):
        sealed.read(tmp_path / "y", 0, "me", key_of)


def test_chunks_cannot_change_places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sealed, "CHUNK", 16)
    sealed.write(tmp_path / "x", (b"a" * 16 + b"b" * 16, b""), "me", key_of)
    whole = (tmp_path / "x").read_bytes()
    tail = 16  # the empty section's chunk
    start = len(whole) - tail - 64
    swapped = whole[:start] + whole[start + 32 : start + 64] + whole[start : start + 32] + whole[-tail:]
    (tmp_path / "x").write_bytes(swapped)
    with pytest.raises(LineageError):
        sealed.read(tmp_path / "x", 0, "me", key_of)
