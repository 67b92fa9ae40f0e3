"""Rows are put in order on disk, sealed, and nothing is left behind."""

from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from casemate.controls.deidentification import sorting
from casemate.controls.deidentification.order import order_keys
from casemate.controls.deidentification.sorting import sorted_batches
from casemate.core.errors import CasemateError

SECRET = "a rare illness"


def batches(sizes: list[int]) -> list[pl.DataFrame]:
    rows = sum(sizes)
    table = pl.DataFrame(
        {
            "key": order_keys(7, np.arange(rows)),
            "place": np.arange(rows),
            "word": pl.Series([None if row % 3 else f"{SECRET} {row}" for row in range(rows)], dtype=pl.String),
        }
    )
    ends = np.cumsum(sizes).tolist()
    return [table[end - size : end] for size, end in zip(sizes, ends, strict=True)]


@given(sizes=st.lists(st.integers(0, 300), max_size=8), copies=st.sampled_from([1, 1 << 30]), group=st.integers(1, 90))
@settings(max_examples=40, deadline=None)
def test_order_is_that_of_the_key(
    sizes: list[int], copies: int, group: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    scratch, given_ = tmp_path_factory.mktemp("scratch"), batches(sizes)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sorting, "_COPIES", copies)
        patch.setattr(sorting, "GROUP_ROWS", group)
        found = list(sorted_batches(iter(given_), "key", scratch, "256MB"))
    assert [frame.height for frame in found[:-1]] == [group] * max(len(found) - 1, 0)
    wanted = pl.concat(given_).sort("key").drop("key") if given_ else None
    if wanted is not None and wanted.height:
        assert_frame_equal(pl.concat(found), wanted)
    assert not list(scratch.iterdir())


def test_what_lies_on_disk_is_sealed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sorting, "_COPIES", 1 << 30)
    monkeypatch.setattr(sorting, "GROUP_ROWS", 10)
    rows = sorted_batches(iter(batches([400, 400])), "key", tmp_path, "256MB")
    next(rows)
    spilt = [path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()]
    assert spilt
    assert not any(SECRET.encode() in content for content in spilt)
    rows.close()
    assert not list(tmp_path.iterdir())


def test_a_full_disk_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(sorting, "_COPIES", 1 << 30)
    monkeypatch.setattr(sorting._Bins, "_write", full)
    with pytest.raises(CasemateError, match="No space left") as caught:
        list(sorted_batches(iter(batches([100])), "key", tmp_path, "256MB"))
    assert "make room" in str(caught.value.fix)
    assert not list(tmp_path.iterdir())
