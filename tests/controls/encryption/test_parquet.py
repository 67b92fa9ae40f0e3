import datetime
import errno
import os
import signal
import subprocess
import sys
from pathlib import Path

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from polars.testing import assert_frame_equal

from casemate.controls.encryption import dataset_keys, open_parquet, parquet_encryption, seal_parquet, sealed_writer
from casemate.controls.encryption.file_store import FileStore
from casemate.core.errors import CasemateError, KeyMissing, SecretError, ShapeMismatch, UnknownName
from controls.encryption.made import CHEAP, names

TABLE = pl.DataFrame(
    {
        "name": ["Ann Quill", "Bob Ravel", None],
        "age": [31, 47, 58],
        "address": [{"city": "Ulm", "zip": "89073"}, {"city": "Bonn", "zip": "53111"}, None],
        "codes": [["E11", "I10"], [], None],
        "diagnosis": pl.Series(["asthma", "asthma", "gout"], dtype=pl.Categorical),
        "seen": [datetime.date(2025, 1, 2), None, datetime.date(2025, 3, 4)],
        "with space.dot é": [1.5, None, float("inf")],
    }
)
GROUPS = {"pii": ["name", "address"], "health": ["diagnosis", "codes"]}
KILLED = f"""{CHEAP}
import os, signal, sys
from pathlib import Path
import pyarrow as pa
from casemate.controls.encryption import seal_parquet
from casemate.controls.encryption.file_store import FileStore
from casemate.controls.encryption.passphrase import PassphraseRoot
folder = Path(sys.argv[1])
store = FileStore(folder / "store" / "keys.casemate", PassphraseRoot(lambda: "correct horse"))
def batches():
    for _ in range(3):
        yield pa.RecordBatch.from_pydict(dict(a=list(range(10000))))
    os.kill(os.getpid(), signal.SIGKILL)
seal_parquet(batches(), folder / "t.parquet", dict(), store, rest="rest")
"""


def test_a_table_comes_back(store: FileStore, tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    assert seal_parquet(TABLE, path, GROUPS, store, rest="rest") == 3
    assert_frame_equal(open_parquet(path, store), TABLE, categorical_as_str=True)


@pytest.mark.parametrize("compression", ["zstd", "snappy", "none"])
def test_no_value_and_no_name_can_be_read_in_the_file(store: FileStore, tmp_path: Path, compression: str) -> None:
    path = tmp_path / "t.parquet"
    plain = tmp_path / "plain.parquet"
    pq.write_table(TABLE.to_arrow(compat_level=pl.CompatLevel.oldest()), plain, compression="none")
    words = [b"Ann Quill", b"89073", b"asthma", b"E11", b"diagnosis", b"with space"]
    assert all(word in plain.read_bytes() for word in words)
    seal_parquet(TABLE, path, GROUPS, store, rest="rest", compression=compression)
    assert not [word for word in words if word in path.read_bytes()]
    with pytest.raises(OSError, match="encrypted"):
        pq.read_table(path)


def test_tables_and_batches_of_arrow(store: FileStore, tmp_path: Path) -> None:
    table = pa.table({"a": range(10), "b": [str(n) for n in range(10)]})
    for made in (table, table.to_batches(max_chunksize=3), iter(table.to_batches(max_chunksize=4))):
        assert seal_parquet(made, tmp_path / "t.parquet", {"pii": ["b"]}, store, rest="rest") == 10
        assert open_parquet(tmp_path / "t.parquet", store).to_arrow().to_pydict() == table.to_pydict()


def test_no_rows_keep_their_columns(store: FileStore, tmp_path: Path) -> None:
    seal_parquet(TABLE.clear(), tmp_path / "t.parquet", GROUPS, store, rest="rest")
    assert open_parquet(tmp_path / "t.parquet", store).columns == TABLE.columns
    with pytest.raises(SecretError, match="nothing to seal"):
        seal_parquet([], tmp_path / "t.parquet", GROUPS, store, rest="rest")


@pytest.mark.parametrize(
    ("groups", "rest", "kind", "told"),
    [
        ({"pii": ["nam"]}, "rest", UnknownName, "Did you mean 'name'?"),
        ({"pii": ["name"], "health": ["name"]}, "rest", SecretError, "in two groups"),
        ({"pii": ["name"]}, "rset", KeyMissing, "Did you mean 'rest'?"),
        ({"ppii": ["name"]}, "rest", KeyMissing, "Did you mean 'pii'?"),
        ({"p;i": ["name"]}, "rest", SecretError, "no name of a key"),
    ],
)
def test_groups_that_cannot_be(
    store: FileStore, tmp_path: Path, groups: dict[str, list[str]], rest: str, kind: type[Exception], told: str
) -> None:
    with pytest.raises(kind) as caught:
        seal_parquet(TABLE, tmp_path / "t.parquet", groups, store, rest=rest)
    assert told in str(caught.value)
    assert names(tmp_path) == ["store"]


@pytest.mark.parametrize("name", ["a,b", "a:b", "a;b", " a", "a ", ""])
def test_names_that_pyarrow_would_take_apart(store: FileStore, tmp_path: Path, name: str) -> None:
    with pytest.raises(SecretError, match="cannot be given a key") as caught:
        seal_parquet(pa.table({name: [1]}), tmp_path / "t.parquet", {}, store, rest="rest")
    assert "rename" in str(caught.value)


def test_an_error_half_way_leaves_what_was_there(store: FileStore, tmp_path: Path) -> None:
    (tmp_path / "t.parquet").write_bytes(b"old")
    batch = pa.RecordBatch.from_pydict({"a": [1]})
    with pytest.raises(ShapeMismatch, match="from row 1 on"):
        seal_parquet([batch, pa.RecordBatch.from_pydict({"b": [1]})], tmp_path / "t.parquet", {}, store, rest="rest")
    assert (tmp_path / "t.parquet").read_bytes() == b"old"
    assert names(tmp_path) == ["store", "t.parquet"]


def test_a_full_disk_leaves_nothing(store: FileStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(CasemateError, match="No space left"):
        seal_parquet(TABLE, tmp_path / "t.parquet", GROUPS, store, rest="rest")
    assert names(tmp_path) == ["store"]


@pytest.mark.skipif(not hasattr(os, "O_TMPFILE"), reason="this system has no files without names")
def test_a_killed_process_leaves_nothing(store: FileStore, tmp_path: Path) -> None:
    ran = subprocess.run([sys.executable, "-c", KILLED, str(tmp_path)], check=False)
    assert ran.returncode == -signal.SIGKILL
    assert names(tmp_path) == ["store"]


def test_a_writer_of_one_s_own(store: FileStore, tmp_path: Path) -> None:
    table = TABLE.to_arrow(compat_level=pl.CompatLevel.oldest())
    with sealed_writer(tmp_path / "a", table.schema, GROUPS, store, rest="rest") as writer:
        writer.write_table(table)
    sealing = parquet_encryption(table.schema, GROUPS, store, rest="rest")
    pq.write_table(table, tmp_path / "b", encryption_properties=sealing)
    for name in "ab":
        assert_frame_equal(open_parquet(tmp_path / name, store), TABLE, categorical_as_str=True)


def test_two_files_share_no_key(store: FileStore, tmp_path: Path) -> None:
    raw = []
    for _ in range(2):
        seal_parquet(TABLE, tmp_path / "t", GROUPS, store, rest="rest")
        raw.append((tmp_path / "t").read_bytes())
    assert raw[0] != raw[1]


def test_names_of_keys_for_a_data_set() -> None:
    keys, rest = dataset_keys("crm.people", {"pii": ("name",), "a b": ("x",)})
    assert keys == {"crm.people.pii": ("name",), "crm.people.a-b": ("x",)}
    assert rest == "crm.people.rest"
