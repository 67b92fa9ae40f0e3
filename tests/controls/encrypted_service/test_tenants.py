import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from casemate.controls.encrypted_service.signing import new_token
from casemate.controls.encrypted_service.tenants import (
    check_tenant,
    read_tenants,
    read_token,
    write_tenants,
    write_token,
)
from casemate.core.errors import CasemateError, KeyMissing, KeyStoreUnreadable, OutOfRange

TOKEN = new_token()


def test_tenants_and_tokens_survive_their_files_which_nobody_else_may_read(tmp_path: Path) -> None:
    write_tenants(tmp_path / "tenants", {"bob": TOKEN, "ann": new_token()})
    write_token(tmp_path / "token", TOKEN)
    assert read_tenants(tmp_path / "tenants")["bob"] == TOKEN == read_token(tmp_path / "token")
    for path in tmp_path.iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.parametrize(
    "data",
    [b"", b"{}", b'{"casemate_tenants": 2, "tokens": {}}', b'{"casemate_tenants": 1, "tokens": {"a": "00"}}', b"\xff"],
)
def test_other_files_hold_no_tenants(data: bytes, tmp_path: Path) -> None:
    (tmp_path / "other").write_bytes(data)
    with pytest.raises(KeyStoreUnreadable):
        read_tenants(tmp_path / "other")


@given(st.binary(max_size=100))
def test_other_bytes_hold_no_token(data: bytes) -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "token"
        path.write_bytes(data)
        with pytest.raises(KeyStoreUnreadable):
            read_token(path)


def test_files_that_are_not_there_or_cannot_be_written(tmp_path: Path) -> None:
    for read in (read_tenants, read_token):
        with pytest.raises(KeyMissing):
            read(tmp_path / "none")
    with pytest.raises(CasemateError, match="cannot be written"):
        write_token(tmp_path / "no" / "folder", TOKEN)


@pytest.mark.parametrize("name", ["", "a b", "ä", "a\n", "a" * 129])
def test_names_that_no_header_can_hold(name: str) -> None:
    with pytest.raises(OutOfRange):
        check_tenant(name)
    check_tenant("clinic-1")
