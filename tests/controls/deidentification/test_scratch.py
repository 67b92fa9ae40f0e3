import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from casemate.controls.deidentification import scratch


def test_a_folder_is_for_its_owner_and_goes(tmp_path: Path) -> None:
    with scratch.folder(tmp_path / "out.parquet") as made:
        (made / "x").write_text("x")
        assert made.stat().st_mode & 0o077 == 0
    assert not list(tmp_path.iterdir())


def test_an_array_leaves_no_file(tmp_path: Path) -> None:
    made = scratch.array(tmp_path, (3, 2), np.int32)
    made[1] = 7
    assert made.sum() == 14
    assert not list(tmp_path.iterdir())
    assert scratch.array(tmp_path, (0, 2), np.int32).shape == (0, 2)


def test_what_a_dead_process_left_is_swept(tmp_path: Path) -> None:
    done = subprocess.Popen([sys.executable, "-c", ""])
    done.wait()
    path = tmp_path / "out.parquet"
    mine = scratch.beside(path, "part")
    dead = tmp_path / mine.name.replace(f"-{os.getpid()}-", f"-{done.pid}-")
    dead_folder = dead.with_suffix(".work")
    other = tmp_path / ".other.parquet.x-1-ab.part"
    for file in (mine, dead, other):
        file.write_text("x")
    dead_folder.mkdir()
    (dead_folder / "x").write_text("x")
    assert scratch.sweep(path) == 2
    assert {p.name for p in tmp_path.iterdir()} == {mine.name, other.name}


def test_sweeping_where_there_is_no_folder(tmp_path: Path) -> None:
    assert scratch.sweep(tmp_path / "no" / "out.csv") == 0


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_may_not_be_written(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(Exception, match="cannot be written"), scratch.folder(tmp_path / "out"):
        pass
