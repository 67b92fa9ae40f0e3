import multiprocessing
import os
import signal
import time
from pathlib import Path

import pytest

from casemate.lineage import Lineage
from lineages import run, version

RUNS = 8


def _append(address: str, files: str, name: str) -> None:
    with Lineage.open(address, files=Path(files)) as lineage:
        for number in range(RUNS):
            lineage.record(run([version("shared")], [version(f"{name}{number}")]))


def _append_for_ever(address: str, files: str) -> None:
    with Lineage.open(address, files=Path(files)) as lineage:
        number = 0
        while True:
            number += 1
            many = [run([version("shared")], [version(f"{number}.{i}", columns=("x",) * 1)]) for i in range(200)]
            lineage.record_all(many)


def test_two_processes_append_to_one_chain(lineage: Lineage, address: str, tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    writers = [context.Process(target=_append, args=(address, str(tmp_path / "files"), name)) for name in "ab"]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(120)
    assert [writer.exitcode for writer in writers] == [0, 0]
    assert lineage.verify().entries == 2 * RUNS
    (shared,) = lineage.find("shared")
    assert len(lineage.blast_radius(shared.number).of("dataset")) == 2 * RUNS


def test_a_process_that_is_killed_leaves_a_chain_that_holds(lineage: Lineage, address: str, tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    writer = context.Process(target=_append_for_ever, args=(address, str(tmp_path / "files")))
    writer.start()
    deadline = time.monotonic() + 60
    while lineage.head.entry < 400:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    assert writer.pid
    os.kill(writer.pid, signal.SIGKILL)
    writer.join(30)
    assert lineage.verify().entries % 200 == 0
    lineage.record(run([version("shared")], [version("after")]))
    assert lineage.verify().entries % 200 == 1


def test_an_error_in_the_middle_leaves_nothing(lineage: Lineage) -> None:
    with pytest.raises(ZeroDivisionError), lineage.appending() as batch:
        batch.add("job", str(1 / 0))
    assert lineage.verify().entries == 0
