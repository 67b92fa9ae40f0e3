import errno
import os
from pathlib import Path

import polars as pl
import pyarrow.parquet as pq
import pytest
from polars.testing import assert_frame_equal

from casemate.controls.encryption import open_parquet
from casemate.controls.encryption.file_store import FileStore
from casemate.controls.encryption.parquet_files import seal_parquet_file, unseal_parquet_file
from casemate.core.errors import CasemateError, DataMissing, DataUnreadable, KeyShredded
from controls.encryption.made import names

TABLE = pl.DataFrame({"name": ["ann", None, "bob"], "age": [1, 2, 3]})


@pytest.fixture
def sealed(store: FileStore, tmp_path: Path) -> Path:
    pq.write_table(TABLE.to_arrow(compat_level=pl.CompatLevel.oldest()), tmp_path / "open", row_group_size=2)
    seal_parquet_file(tmp_path / "open", tmp_path / "sealed", {"pii": ["name"]}, store, rest="rest")
    return tmp_path / "sealed"


def test_a_file_comes_back(sealed: Path, store: FileStore, tmp_path: Path) -> None:
    heard: list[tuple[int, int]] = []
    made = seal_parquet_file(
        tmp_path / "open", sealed, {"pii": ["name"]}, store, rest="rest", watch=lambda *rows: heard.append(rows)
    )
    assert made == (("name", "age"), 3)
    assert heard == [(2, 3), (3, 3)]
    assert pq.read_metadata(tmp_path / "open").num_row_groups == 2
    assert_frame_equal(open_parquet(sealed, store), TABLE)
    heard.clear()
    made = unseal_parquet_file(sealed, tmp_path / "again", store, watch=lambda *rows: heard.append(rows))
    assert made == (("name", "age"), 3)
    assert heard[-1] == (3, 0)
    assert_frame_equal(pl.read_parquet(tmp_path / "again"), TABLE)


def test_columns(sealed: Path, store: FileStore, tmp_path: Path) -> None:
    store.shred("pii")
    assert unseal_parquet_file(sealed, tmp_path / "again", store, ["age"]) == (("age",), 3)
    assert_frame_equal(pl.read_parquet(tmp_path / "again"), TABLE[["age"]])
    with pytest.raises(KeyShredded):
        unseal_parquet_file(sealed, tmp_path / "all", store)
    assert not (tmp_path / "all").exists()


@pytest.mark.skipif(os.name != "posix", reason="permissions of POSIX")
def test_it_opens_for_its_owner_only(sealed: Path, store: FileStore, tmp_path: Path) -> None:
    unseal_parquet_file(sealed, tmp_path / "again", store)
    assert (tmp_path / "again").stat().st_mode & 0o777 == 0o600


def test_what_is_no_parquet(store: FileStore, tmp_path: Path) -> None:
    with pytest.raises(DataMissing):
        seal_parquet_file(tmp_path / "none", tmp_path / "sealed", {}, store, rest="rest")
    (tmp_path / "text").write_bytes(b"name,age\n")
    with pytest.raises(DataUnreadable, match="as Parquet"):
        seal_parquet_file(tmp_path / "text", tmp_path / "sealed", {}, store, rest="rest")
    pq.write_table(TABLE.to_arrow(compat_level=pl.CompatLevel.oldest()), tmp_path / "cut", compression="zstd")
    raw = bytearray((tmp_path / "cut").read_bytes())
    raw[8:40] = bytes(32)
    (tmp_path / "cut").write_bytes(raw)
    with pytest.raises(DataUnreadable, match="as Parquet"):
        seal_parquet_file(tmp_path / "cut", tmp_path / "sealed", {}, store, rest="rest")
    assert names(tmp_path) == ["cut", "store", "text"]


def test_a_full_disk_leaves_nothing(
    sealed: Path, store: FileStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(CasemateError, match="No space left"):
        unseal_parquet_file(sealed, tmp_path / "again", store)
    assert names(tmp_path) == ["open", "sealed", "store"]
