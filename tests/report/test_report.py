import os
import stat
import threading
from pathlib import Path

import pytest

from casemate import report
from casemate.core.errors import CasemateError, UnknownName
from report.specimen import empty, specimen


@pytest.mark.parametrize("format", report.FORMATS)
def test_every_format_is_a_pure_function(format: str) -> None:
    assert report.render(format, specimen()) == report.render(format, specimen())
    assert report.render(format, empty())


def test_an_unknown_format_names_the_nearest() -> None:
    with pytest.raises(UnknownName, match=r"Did you mean 'markdown'\?"):
        report.render("markdwon", specimen())


@pytest.mark.parametrize("format", report.FORMATS)
def test_a_report_is_written_whole_and_folders_are_made(format: str, tmp_path: Path) -> None:
    path = tmp_path / "new" / "folder" / "report"
    report.write(format, path, specimen())
    rendered = report.render(format, specimen())
    assert path.read_bytes() == (rendered.encode() if isinstance(rendered, str) else rendered)
    assert list(path.parent.iterdir()) == [path]


def test_a_report_may_be_read_by_whom_the_user_lets_read(tmp_path: Path) -> None:
    mask = os.umask(0o022)
    try:
        report.write("json", tmp_path / "r", specimen())
    finally:
        os.umask(mask)
    assert stat.S_IMODE((tmp_path / "r").stat().st_mode) == 0o644


def test_an_old_report_stays_when_the_new_one_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("old")
    with pytest.raises(CasemateError, match="cannot be written") as caught:
        report.write("json", tmp_path / "file" / "below", specimen())
    assert caught.value.where == str(tmp_path / "file" / "below")
    assert "--output json=PATH" in str(caught.value)
    assert (tmp_path / "file").read_text() == "old"


def test_a_folder_is_no_place_for_a_report(tmp_path: Path) -> None:
    with pytest.raises(CasemateError, match="cannot be written"):
        report.write("html", tmp_path, specimen())


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_a_pipe_is_written_to_and_stays_a_pipe(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    read: list[bytes] = []
    reader = threading.Thread(target=lambda: read.append(pipe.read_bytes()))
    reader.start()
    report.write("markdown", pipe, specimen())
    reader.join(10)
    assert read[0].startswith(b"## Casemate: broken")
    assert pipe.is_fifo()
