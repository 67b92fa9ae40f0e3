from pathlib import Path

import polars as pl
import pyarrow as pa
import pytest
from polars.testing import assert_frame_equal

from casemate.controls.encryption import open_parquet, parquet_batches, parquet_schema, seal_parquet
from casemate.controls.encryption.file_store import FileStore
from casemate.core.errors import DataMissing, DataUnreadable, KeyMissing, KeyShredded, SealBroken, UnknownName
from controls.encryption.made import file_store

TABLE = pl.DataFrame({f"c{n}": [f"{n}-{row}" for row in range(50)] for n in range(8)}).with_columns(
    pl.struct("c0", "c1").alias("pair")
)
GROUPS = {"pii": ["c0", "c3", "pair"], "health": ["c5"]}
REST = ["c1", "c2", "c4", "c6", "c7"]


@pytest.fixture
def path(store: FileStore, tmp_path: Path) -> Path:
    batches = TABLE.to_arrow(compat_level=pl.CompatLevel.oldest()).to_batches(max_chunksize=10)
    seal_parquet(batches, tmp_path / "t.parquet", GROUPS, store, rest="rest")
    return tmp_path / "t.parquet"


def test_columns_in_the_order_of_the_file(path: Path, store: FileStore) -> None:
    assert_frame_equal(open_parquet(path, store, ["c5", "c1"]), TABLE["c1", "c5"])
    assert parquet_schema(path, store, ["c5", "c1"]).names == ["c1", "c5"]
    assert parquet_schema(path, store).names == TABLE.columns


def test_batches(path: Path, store: FileStore) -> None:
    batches = [*parquet_batches(path, store, ["c2"], rows=7)]
    assert max(batch.num_rows for batch in batches) <= 7
    assert pa.Table.from_batches(batches).column("c2").to_pylist() == TABLE["c2"].to_list()


def test_shredding_a_key_takes_exactly_its_columns(path: Path, store: FileStore) -> None:
    store.shred("pii", "erasure 7")
    kept = [name for name in TABLE.columns if name not in GROUPS["pii"]]
    assert_frame_equal(open_parquet(path, store, kept), TABLE[kept])
    assert pa.Table.from_batches([*parquet_batches(path, store, kept)]).num_rows == 50
    for name in GROUPS["pii"]:
        with pytest.raises(KeyShredded) as caught:
            open_parquet(path, store, [name])
        assert "columns c0, c3, pair" in str(caught.value.where)
        assert caught.value.fix == f"read the others: {', '.join(kept)}"
        assert "erasure 7" in caught.value.what
    with pytest.raises(KeyShredded):
        open_parquet(path, store)
    with pytest.raises(KeyShredded):
        list(parquet_batches(path, store))
    store.shred("health")
    assert_frame_equal(open_parquet(path, store, REST), TABLE[REST])


def test_shredding_the_key_of_the_rest_takes_the_file(path: Path, store: FileStore) -> None:
    store.shred("rest")
    for columns in (None, ["c0"], ["c1"]):
        with pytest.raises(KeyShredded, match="'rest' was shredded") as caught:
            open_parquet(path, store, columns)
        assert "footer" in str(caught.value.where)


def test_a_rotated_key_still_opens(path: Path, store: FileStore) -> None:
    for key in ("pii", "health", "rest"):
        store.rotate(key)
    assert_frame_equal(open_parquet(path, store), TABLE)


def test_another_store(path: Path, store: FileStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "other").mkdir()
    other = file_store(tmp_path / "other", monkeypatch, "pii", "health")
    with pytest.raises(KeyMissing, match="no key 'rest'"):
        open_parquet(path, other)
    other.create("rest")
    with pytest.raises(SealBroken, match="another key of that name"):
        open_parquet(path, other)


def test_an_unknown_column(path: Path, store: FileStore) -> None:
    with pytest.raises(UnknownName, match="Did you mean"):
        open_parquet(path, store, ["c77"])


def test_altered_and_cut_files_are_refused(path: Path, store: FileStore) -> None:
    raw = path.read_bytes()
    for place in [*range(4, len(raw), 397), len(raw) - 9, len(raw) - 5]:
        altered = bytearray(raw)
        altered[place] ^= 1
        path.write_bytes(altered)
        with pytest.raises(SealBroken):
            open_parquet(path, store)
    for end in (4, 100, len(raw) // 2, len(raw) - 1):
        path.write_bytes(raw[:end])
        with pytest.raises(SealBroken):
            open_parquet(path, store)


def test_pages_of_two_columns_cannot_change_places(store: FileStore, tmp_path: Path) -> None:
    # The same values under the same group's key: only their place tells the columns' pages apart.
    table = pl.DataFrame({"a": ["x" * 64], "b": ["x" * 64]})
    seal_parquet(table, tmp_path / "t", {"pii": ["a", "b"]}, store, rest="rest", compression="none")
    raw = (tmp_path / "t").read_bytes()
    half = (len(raw) - 4) // 8
    moved = raw[:4] + raw[4 + half : 4 + 2 * half] + raw[4 : 4 + half] + raw[4 + 2 * half :]
    assert len(moved) == len(raw) and moved != raw
    (tmp_path / "t").write_bytes(moved)
    with pytest.raises(SealBroken):
        open_parquet(tmp_path / "t", store)


def test_what_is_not_sealed_parquet(store: FileStore, tmp_path: Path) -> None:
    with pytest.raises(DataMissing):
        open_parquet(tmp_path / "none", store)
    TABLE.write_parquet(tmp_path / "plain")
    (tmp_path / "text").write_bytes(b"PAR")
    for name in ("plain", "text"):
        with pytest.raises(DataUnreadable, match="not a sealed Parquet"):
            open_parquet(tmp_path / name, store)


def test_files_without_rows(store: FileStore, tmp_path: Path) -> None:
    seal_parquet(TABLE.clear(), tmp_path / "t", GROUPS, store, rest="rest")
    assert open_parquet(tmp_path / "t", store).height == 0
