"""The peer's side of release_attacks.py: anonymeter's three attacks on one release, the answer in JSON.

    python bench/release_attacks_peer.py FOLDER SAMPLES        FOLDER holds raw.csv, release.csv and control.csv

Installed in an environment of its own (anonymeter 1.1.0 pins numpy below 1.27).
"""

from __future__ import annotations

import json
import sys
import time
import warnings
from pathlib import Path

import pandas as pd
from anonymeter.evaluators import InferenceEvaluator, LinkabilityEvaluator, SinglingOutEvaluator

SENSITIVE = "salary-class"
ALARM = 0.05


def main() -> None:
    folder, samples = Path(sys.argv[1]), int(sys.argv[2])
    raw, release, control = (pd.read_csv(folder / name) for name in ("raw.csv", "release.csv", "control.csv"))
    known = [name for name in raw.columns if name != SENSITIVE]
    half = len(known) // 2
    made = {
        "singling out, one column": lambda: SinglingOutEvaluator(
            ori=raw, syn=release, control=control, n_attacks=samples
        ).evaluate(mode="univariate"),
        "singling out, four columns": lambda: SinglingOutEvaluator(
            ori=raw, syn=release, control=control, n_attacks=samples, n_cols=4, max_attempts=20_000
        ).evaluate(mode="multivariate"),
        "linkability": lambda: LinkabilityEvaluator(
            ori=raw, syn=release, control=control, n_attacks=samples, aux_cols=(known[:half], known[half:])
        ).evaluate(n_jobs=1),
        "inference": lambda: InferenceEvaluator(
            ori=raw, syn=release, control=control, n_attacks=samples, aux_cols=known, secret=SENSITIVE, regression=False
        ).evaluate(n_jobs=1),
    }
    answers, start = {}, time.process_time()
    for name, run in made.items():
        try:
            risk = run().risk(confidence_level=0.95)
            answers[name] = [risk.value, *risk.ci]
        except Exception as error:  # a peer that cannot run an attack has not found anything by it
            answers[name] = f"{type(error).__name__}: {error}"[:200]
    seconds = time.process_time() - start
    detected = any(isinstance(told, list) and told[1] > ALARM for told in answers.values())
    print(json.dumps({"seconds": seconds, "risks": answers, "detected": detected}))


if __name__ == "__main__":
    warnings.filterwarnings("ignore")
    main()
