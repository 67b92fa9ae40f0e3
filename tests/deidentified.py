"""Made-up people for the tests of de-identification, and what makes two outcomes the same."""

import numpy as np
import polars as pl
from polars.testing import assert_frame_equal

from casemate.core.release import Release
from casemate.core.schema import Role

ROLES: dict[str, Role] = {
    "age": "quasi-identifier",
    "city": "quasi-identifier",
    "born": "quasi-identifier",
    "illness": "sensitive",
    "income": "feature",
}


def people(rows: int, seed: int = 0) -> pl.DataFrame:
    rng = np.random.default_rng(seed)
    gone = rng.random(rows) < 0.05
    return pl.DataFrame(
        {
            "age": pl.Series(rng.integers(0, 90, rows)).set(pl.Series(gone), None),
            "city": rng.choice(["Bath", "Ely", "York", "Ünterstadt", "a, b"], rows),
            "born": pl.Series(rng.integers(0, 20_000, rows)).cast(pl.Date),
            "illness": rng.choice(["flu", "gout", "none"], rows, p=[0.3, 0.2, 0.5]),
            "income": rng.normal(size=rows).round(3),
        }
    )


def same(one: Release, other: Release) -> None:
    assert_frame_equal(one.table, other.table)
    assert {n: m.digest for n, m in one.meanings.items()} == {n: m.digest for n, m in other.meanings.items()}
    assert (one.roles, one.pseudonyms) == (other.roles, other.pseudonyms)
