"""How the churn model is trained: one column per word, the middle of a range such as ``20..29``, a logistic model."""

from __future__ import annotations

from pathlib import Path

import polars as pl
from sklearn.compose import make_column_transformer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler

from casemate import Dataset

WORDS = ["sex", "country", "education", "occupation", "marital"]
NUMBERS = ["income", "hours", "visits"]


def train(data: Dataset, _seed: int) -> Pipeline:
    """Train on a Polars frame with the columns' names; nothing is left to chance, so the seed changes nothing."""
    return made().fit(data.frame(), data.y)


def made() -> Pipeline:
    """Return the untrained model."""
    columns = make_column_transformer(
        (OneHotEncoder(handle_unknown="ignore", sparse_output=False, max_categories=12), WORDS),
        (FunctionTransformer(middles), ["age"]),
        ("passthrough", NUMBERS),
    )
    return make_pipeline(columns, StandardScaler(), LogisticRegression(max_iter=500))


def middles(frame: pl.DataFrame) -> pl.DataFrame:
    """Return the middle of every range; a label that is no range tells nothing, and becomes 45."""
    ends = pl.all().cast(pl.String).str.extract_all(r"\d+").cast(pl.List(pl.Float64)).list.mean().fill_null(45.0)
    return frame.select(ends)


if __name__ == "__main__":
    import pickle

    table = pl.read_parquet("train.parquet")
    model = made().fit(table, (table["churned"] == "yes").to_numpy())
    Path("churn.pickle").write_bytes(pickle.dumps(model))
    print(f"trained on {table.height} rows: churn.pickle")
