from pathlib import Path

import pytest

from casemate.controls.deidentification.source import open_source
from casemate.core.errors import DataUnreadable
from casemate.systems.data.read import Source


@pytest.mark.parametrize("name", ["t.csv", "t.csv.gz"])
def test_a_zero_byte_in_a_columns_name_is_refused(tmp_path: Path, name: str) -> None:
    import gzip

    content = b"a\0b,c\n1,2\n3,4\n"
    (tmp_path / name).write_bytes(gzip.compress(content) if name.endswith("gz") else content)
    for read in (Source(name, tmp_path).read, lambda: open_source(tmp_path / name)):
        with pytest.raises(DataUnreadable, match="zero byte") as found:
            read()
        assert "rename" in (found.value.fix or "")
