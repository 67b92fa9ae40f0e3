from pathlib import Path

import msgspec
import pytest

from casemate.controls.minimisation.record import read_minimal, record_of
from casemate.controls.minimisation.search import minimise
from casemate.core.errors import DataMissing, DataUnreadable
from controls.minimisation.population import made


def test_is_read_as_it_was_written(tmp_path: Path):
    record = record_of(minimise(made(), max_loss=0.01), "town", "abc")
    path = tmp_path / "minimal.json"
    path.write_bytes(msgspec.json.encode(record))
    assert read_minimal(path) == record
    assert [left.name for left in record.kept] == ["age", "city"]
    assert record.kept[1].bands == ("a | b", "c | d")
    assert set(record.dropped) == {"income", "size"}


def test_a_missing_damaged_or_foreign_file_is_told(tmp_path: Path):
    with pytest.raises(DataMissing):
        read_minimal(tmp_path / "none.json")
    path = tmp_path / "minimal.json"
    for content in (b"", b"{}", b"\xff\xfe", b"[1]", b'{"format": 3}'):
        path.write_bytes(content)
        with pytest.raises(DataUnreadable, match="no record"):
            read_minimal(path)
