"""Controls of a system file: made from their tables, with the files that their options name read beside it."""

from pathlib import Path

import pytest

from casemate.controls import find
from casemate.core.control import options_of
from casemate.core.errors import DataMissing, SystemFileError
from casemate.systems.lines import Lines
from casemate.systems.protection import controls_of

BLUR = {"use": "privacy.mondrian", "columns": {"city": {"hierarchy": "cities.csv"}}}


def test_hierarchy_files_are_read_beside_the_system_file(tmp_path: Path) -> None:
    (tmp_path / "cities.csv").write_text("Oslo;north\nRome;south\n")
    (control,) = controls_of([BLUR], find, Lines("casemate.toml"), tmp_path)
    table = options_of(control)["columns"]["city"]
    assert table.rows == (("Oslo", "north"), ("Rome", "south"))
    assert table.hierarchy is None
    before = control.digest()
    (tmp_path / "cities.csv").write_text("Oslo;north\nRome;north\n")
    assert controls_of([BLUR], find, Lines("casemate.toml"), tmp_path)[0].digest() != before
    with pytest.raises(DataMissing, match="no such hierarchy file"):
        controls_of([BLUR], find, Lines("casemate.toml"), tmp_path / "elsewhere")


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ({}, "needs 'use'"),
        ({"use": "privacy.mondrain"}, "Did you mean 'privacy.mondrian'"),
        ({"use": "privacy.mondrian", "kk": 5}, "has no option 'kk'"),
        ({"use": "privacy.mondrian", "columns": {"city": {"hierachy": "x"}}}, "unknown field `hierachy`"),
    ],
)
def test_refuses_tables_that_are_no_control(table: dict[str, object], said: str, tmp_path: Path) -> None:
    with pytest.raises(SystemFileError, match=said):
        controls_of([table], find, Lines("casemate.toml"), tmp_path)


def test_a_control_is_used_once(tmp_path: Path) -> None:
    with pytest.raises(SystemFileError, match="used twice"):
        controls_of([{"use": "privacy.rounding"}] * 2, find, Lines("casemate.toml"), tmp_path)
