"""How long the demo takes: both example systems with an empty cache, and again with everything cached.

    python bench/demo_time.py --output bench/results/demo_time.json

Wall-clock seconds of `casemate demo`, as a user waits for it, with the CPU seconds of the command and its workers.
Goals: at most 120 s the first time on two processors, at most 10 s the second.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from importlib.metadata import version
from pathlib import Path

GOALS = {"first run": 120.0, "second run, all cached": 10.0}


def timed(folder: str) -> dict[str, float]:
    before, start = os.times(), time.perf_counter()
    subprocess.run([sys.executable, "-m", "casemate", "demo", "--keep", folder], check=True, stdout=subprocess.DEVNULL)
    after = os.times()
    cpu = after.children_user + after.children_system - before.children_user - before.children_system
    return {"wall seconds": round(time.perf_counter() - start, 2), "cpu seconds": round(cpu, 2)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", type=Path)
    given = parser.parse_args()
    record: dict[str, object] = {
        "processors": os.cpu_count(),
        "load before": round(os.getloadavg()[0], 2),
        "versions": {"python": platform.python_version(), "machine": platform.machine()}
        | {package: version(package) for package in ("casemate", "numpy", "scikit-learn", "torch")},
    }
    print("| run | wall s | cpu s | goal, wall s |\n|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        for name, goal in GOALS.items():
            took = timed(folder)
            record[name] = took | {"goal": goal}
            print(f"| {name} | {took['wall seconds']} | {took['cpu seconds']} | {goal} |")
    if given.output:
        given.output.write_text(json.dumps(record, indent=1) + "\n")


if __name__ == "__main__":
    main()
