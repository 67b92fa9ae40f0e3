"""A small population and its policy, for the tests of casemate deidentify and reidentify."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl

PASSPHRASE = "correct horse battery staple"
POLICY = """
dataset = "crm.people"
subject-key = "person"
[columns.person]
role = "identifier"
pseudonym = { kind = "aes-siv", reversible-by = ["dpo"] }
reason = "complaints find their way back"
[columns.age]
role = "quasi-identifier"
[columns.sex]
role = "quasi-identifier"
[columns.illness]
role = "sensitive"
[columns.income]
role = "feature"
round-to = 100
[columns.left]
role = "target"
[privacy]
k = 20
l = 2
[gate]
samples = 1000
skip = ["downcoding", "refinement", "frequency"]
[purposes.train]
retention-days = 30
key-epoch = "e1"
[purposes.open]
columns = ["age", "sex", "illness", "left"]
"""


def population(rows: int = 3000, seed: int = 0) -> pl.DataFrame:
    """People whose illness has nothing to do with their age and sex.

    Of two columns a few groups are published, which downcoding reads: the tests that need a release that holds skip it.
    """
    rng = np.random.default_rng(seed)
    return pl.DataFrame(
        {
            "person": [f"p{i:05d}" for i in range(rows)],
            "age": rng.integers(18, 95, rows),
            "sex": rng.choice(["f", "m"], rows),
            "illness": rng.choice(["flu", "gout", "none"], rows, p=[0.3, 0.2, 0.5]),
            "income": rng.lognormal(10, 0.5, rows).round(2),
            "left": rng.integers(0, 2, rows),
        }
    )


def lay_out(folder: Path, policy: str = POLICY, rows: int = 3000) -> None:
    """Write the table and the policy into a folder."""
    population(rows).write_csv(folder / "people.csv")
    (folder / "privacy.toml").write_text(policy)
