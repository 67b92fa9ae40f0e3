import subprocess
import sys
import threading
from pathlib import Path

import pytest

from casemate.core.errors import CasemateError
from casemate.core.locking import locked

BUSY = CasemateError("somebody is at it")

HOLDING = """
import sys
from pathlib import Path
from casemate.core.errors import CasemateError
from casemate.core.locking import locked
with locked(Path(sys.argv[1]), CasemateError("busy")):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_changes_come_one_after_the_other(tmp_path: Path) -> None:
    path, inside, most = tmp_path / "file", 0, 0

    def change() -> None:
        nonlocal inside, most
        for _ in range(10):
            with locked(path, BUSY):
                inside += 1
                most = max(most, inside)
                inside -= 1

    threads = [threading.Thread(target=change) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == 1
    assert [found.name for found in tmp_path.iterdir()] == [".file.lock"]


def test_another_process_is_waited_for_and_a_dead_one_lets_go(tmp_path: Path) -> None:
    path = tmp_path / "file"
    with subprocess.Popen(
        [sys.executable, "-c", HOLDING, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"held\n"
        with pytest.raises(CasemateError) as caught, locked(path, BUSY, patience=0.05):
            pass
        assert caught.value is BUSY
        other.kill()
    with locked(path, BUSY, patience=5):
        pass
