from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from casemate.controls.deidentification.witness import Witness
from casemate.core.release import Meanings


def table(rows: int, seed: int) -> pl.DataFrame:
    rng = np.random.default_rng(seed)
    return pl.DataFrame(
        {
            "age": rng.choice(["20..29", "30..39", None], rows).tolist(),
            "year": rng.integers(1990, 1992, rows),
            "illness": rng.choice(["flu", "gout", "none"], rows),
            "grade": rng.choice([1.0, 2.0, 3.0, None], rows).tolist(),
        },
        schema_overrides={"grade": pl.Float64},
    )


@given(rows=st.integers(1, 60), cut=st.integers(0, 60), seed=st.integers(0, 5))
@settings(max_examples=15, deadline=None)
def test_it_measures_what_brute_force_measures(
    rows: int, cut: int, seed: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    made = table(rows, seed)
    witness = Witness(rows, ("age", "year"), ("illness", "grade"), tmp_path_factory.mktemp("w"))
    witness.see(made[:cut])
    witness.see(made[cut:])
    found = witness.anonymity()
    groups = made.group_by("age", "year").agg(pl.len(), pl.col("illness").n_unique(), pl.col("grade").n_unique())
    assert found is not None
    assert (found.k, found.groups) == (groups["len"].min(), groups.height)
    assert found.l == min(groups["illness"].min(), groups["grade"].min())  # type: ignore[type-var]


def test_an_order_counts_for_closeness(tmp_path: Path) -> None:
    # Two groups with grades {1, 2} and {2, 3}: the cumulated shares differ by a quarter at 1 and at 2, over two steps.
    made = pl.DataFrame({"age": ["a", "a", "b", "b"], "grade": [10, 2, 2, 3]})
    witness = Witness(4, ("age",), ("grade",), tmp_path)
    witness.see(made)
    found = witness.anonymity()
    assert found is not None
    assert found.t == pytest.approx((0.0 + 0.25) / 2)


def test_losses_are_shares_of_the_values(tmp_path: Path) -> None:
    meanings = Meanings(
        np.array([20.0, 25.0, 31.0]),
        ("20..25", "31", ""),
        np.array([0, 2, 2], dtype=np.int32),
        np.array([1, 2, 2], dtype=np.int32),
    )
    witness = Witness(5, ("age", "year"), (), tmp_path)
    witness.see(pl.DataFrame({"age": ["20..25", "31", "20..25", None], "year": [1, 1, 1, 1]}))
    losses = witness.losses({"age": meanings}, suppressed=1)
    assert losses.columns == {"age": pytest.approx((0.5 + 0 + 0.5 + 0 + 1) / 5)}
    assert losses.suppressed == pytest.approx(0.2)
    assert losses.mean == losses.columns["age"]


def test_nothing_to_say_of_nothing(tmp_path: Path) -> None:
    assert Witness(5, (), ("illness",), tmp_path).anonymity() is None
    assert Witness(0, ("age",), (), tmp_path).anonymity() is None
