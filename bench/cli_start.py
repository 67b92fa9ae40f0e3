"""How long the command line takes to answer.

    python bench/cli_start.py --output bench/results/cli_start.json

Runs the console script ten times for each command, in turn, after one run that is not counted (it compiles the
sources and warms the disk cache). Wall-clock time is from start to exit of the process; CPU time is user plus system,
of the process alone. The goals are for wall-clock medians on an idle machine, so the load before the run is kept too.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import statistics
import subprocess
import sys
import time
from importlib.metadata import version
from pathlib import Path

GOALS = {"casemate --help": 0.3, "casemate list attacks": 0.5}
RUNS = 10
SCRIPT = Path(sys.executable).with_name("casemate")


def once(words: list[str]) -> tuple[float, float]:
    """Run a command; return wall-clock and CPU seconds."""
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    subprocess.run([SCRIPT, *words], stdout=subprocess.DEVNULL, check=True)
    wall, after = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
    return wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def measure(runs: int) -> dict[str, dict[str, object]]:
    taken: dict[str, list[tuple[float, float]]] = {command: [] for command in GOALS}
    for turn in range(runs + 1):
        for command in GOALS:
            seconds = once(command.split()[1:])
            if turn:
                taken[command].append(seconds)
    return {command: summary(command, times) for command, times in taken.items()}


def summary(command: str, times: list[tuple[float, float]]) -> dict[str, object]:
    walls, cpus = zip(*times, strict=True)
    median = statistics.median(walls)
    return {
        "goal_s": GOALS[command],
        "wall_median_s": round(median, 4),
        "wall_min_s": round(min(walls), 4),
        "wall_max_s": round(max(walls), 4),
        "cpu_median_s": round(statistics.median(cpus), 4),
        "met": median < GOALS[command],
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=RUNS)
    parser.add_argument("--output", type=Path, default=Path(__file__).parent / "results" / "cli_start.json")
    options = parser.parse_args()
    load = os.getloadavg()[0]
    results = measure(options.runs)
    record = {
        "runs": options.runs,
        "python": platform.python_version(),
        "machine": f"{platform.system()} {platform.machine()}, {os.cpu_count()} processors",
        "load_before": round(load, 2),
        "versions": {name: version(name) for name in ("casemate", "cyclopts", "numpy", "rich")},
        "commands": results,
    }
    for command, figures in results.items():
        verdict = "met" if figures["met"] else "missed"
        print(
            f"{command:<24} wall {figures['wall_median_s']} s ({figures['wall_min_s']}-{figures['wall_max_s']}), "
            f"CPU {figures['cpu_median_s']} s; goal {figures['goal_s']} s {verdict}"
        )
    options.output.parent.mkdir(parents=True, exist_ok=True)
    options.output.write_text(json.dumps(record, indent=2) + "\n")


if __name__ == "__main__":
    main()
