"""The peers' side of anonymity_mondrian.py: run by it in their own environment, answers in JSON.

    python bench/anonymity_peers.py anjana FOLDER        k = 5 on Adult with ARX's hierarchies, at most 5 % suppressed
    python bench/anonymity_peers.py anonypy FOLDER       Mondrian, k = 5, on 3,000 rows of Adult
    python bench/anonymity_peers.py pycanon FILE         k, l, entropy l and t of a CSV file (last column sensitive)

Every answer holds "seconds" of CPU time (``time.process_time``), best of the repetitions where there are several.
"""

from __future__ import annotations

import contextlib
import io
import json
import sys
import time
from pathlib import Path
from typing import Any

import pandas as pd

QUASI = ["age", "education", "marital-status", "native-country", "occupation", "race", "sex", "workclass"]


def adult(folder: Path) -> pd.DataFrame:
    return pd.read_csv(folder / "adult.csv", sep=";")[[*QUASI, "salary-class"]]


def anjana(folder: Path) -> dict[str, Any]:
    from anjana.anonymity import k_anonymity
    from anjana.anonymity.utils.utils import get_transformation
    from pycanon.anonymity import k_anonymity as measured

    data = adult(folder)
    hierarchies = {}
    for name in QUASI:
        table = pd.read_csv(folder / f"adult_hierarchy_{name}.csv", sep=";", header=None)
        hierarchies[name] = {level: table[level].values for level in table.columns}
    start = time.process_time()
    released = k_anonymity(data, [], QUASI, 5, 5.0, hierarchies)
    took = time.process_time() - start
    return {
        "seconds": took,
        "k": int(measured(released, QUASI)),
        "rows": len(released),
        "levels": [int(level) for level in get_transformation(released, QUASI, hierarchies)],
    }


def anonypy(folder: Path) -> dict[str, Any]:
    import anonypy

    data = adult(folder).head(3000).copy()
    for name in [*QUASI[1:], "salary-class"]:
        data[name] = data[name].astype("category")
    start = time.process_time()
    rows = anonypy.Preserver(data, QUASI, "salary-class").anonymize_k_anonymity(k=5)
    return {"seconds": time.process_time() - start, "rows": len(data), "published": len(rows)}


def pycanon(path: Path) -> dict[str, Any]:
    from pycanon import anonymity

    data = pd.read_csv(path, dtype=str)
    *quasi, sensitive = data.columns
    answers: dict[str, Any] = {"each": {}}
    for name in ("k_anonymity", "l_diversity", "entropy_l_diversity", "t_closeness"):
        given = (data, quasi) if name == "k_anonymity" else (data, quasi, [sensitive])
        start = time.process_time()
        answers[name] = float(getattr(anonymity, name)(*given))
        answers["each"][name] = time.process_time() - start
    answers["seconds"] = sum(answers["each"].values())
    answers["seconds of k, l and t"] = answers["seconds"] - answers["each"]["entropy_l_diversity"]
    return answers


if __name__ == "__main__":
    with contextlib.redirect_stdout(io.StringIO()):
        found = {"anjana": anjana, "anonypy": anonypy, "pycanon": pycanon}[sys.argv[1]](Path(sys.argv[2]))
    print(json.dumps(found))
