import errno
import os
from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from casemate.controls.deidentification import sink as sinks
from casemate.controls.deidentification.sink import Sink
from casemate.core.errors import CasemateError

TABLE = pl.DataFrame({"age": range(10), "city": [f"c{i}" for i in range(10)]})


def written(path: Path, *parts: pl.DataFrame) -> Path:
    with Sink(path) as sink:
        for part in parts:
            sink.write(part)
        sink.finish()
        sink.publish()
    return path


def read(path: Path) -> pl.DataFrame:
    return pl.read_csv(path) if path.suffix == ".csv" else pl.read_parquet(path)


@pytest.mark.parametrize("name", ["out.csv", "out.parquet"])
def test_batches_make_no_difference(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sinks, "GROUP_ROWS", 4)
    whole = written(tmp_path / f"1{name}", TABLE)
    parts = written(tmp_path / f"2{name}", TABLE[:3], TABLE[3:3], TABLE[3:9], TABLE[9:])
    assert_frame_equal(read(whole), TABLE)
    assert whole.read_bytes() == parts.read_bytes()


@pytest.mark.parametrize("name", ["out.csv", "out.parquet"])
def test_no_rows_keep_their_columns(name: str, tmp_path: Path) -> None:
    path = written(tmp_path / name, TABLE.clear())
    assert read(path).columns == TABLE.columns
    assert read(path).height == 0


def test_what_is_not_published_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "out.csv").write_text("old")
    with Sink(tmp_path / "out.csv") as sink:
        sink.write(TABLE)
        assert sink.finish().exists()
    assert [p.name for p in tmp_path.iterdir()] == ["out.csv"]
    assert (tmp_path / "out.csv").read_text() == "old"


def test_an_interruption_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sinks, "GROUP_ROWS", 4)  # a part is written before

    def interrupted() -> None:
        with Sink(tmp_path / "out.parquet") as sink:
            sink.write(TABLE)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert not list(tmp_path.iterdir())


def test_nobody_else_reads_it_before_it_is_published(tmp_path: Path) -> None:
    with Sink(tmp_path / "out.parquet") as sink:
        sink.write(TABLE)
        assert sink.finish().stat().st_mode & 0o077 == 0
        sink.publish()
    mask = os.umask(0)
    os.umask(mask)
    assert (tmp_path / "out.parquet").stat().st_mode & 0o777 == 0o666 & ~mask


@pytest.mark.parametrize("name", ["out.csv", "out.parquet"])
def test_a_full_disk_says_so_and_leaves_nothing(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(CasemateError, match="No space left on device") as caught:
        written(tmp_path / name, TABLE)
    assert "make room" in str(caught.value.fix)
    assert not list(tmp_path.iterdir())


def test_a_folder_that_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "folder").write_text("")
    with pytest.raises(CasemateError, match="cannot be written"), Sink(tmp_path / "folder" / "out.csv"):
        pass
