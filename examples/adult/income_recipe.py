"""How the model of income is trained: one column per label, whatever a label stands for, and a logistic model."""

from __future__ import annotations

from sklearn.compose import make_column_transformer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from casemate import Dataset


def train(data: Dataset, _seed: int) -> Pipeline:
    """Train on a Polars frame with the columns' names; nothing is left to chance, so the seed changes nothing."""
    frame = data.frame()
    numbers = [name for name, kind in frame.schema.items() if kind.is_numeric()]
    words = [name for name in frame.columns if name not in numbers]
    columns = make_column_transformer(
        (OneHotEncoder(handle_unknown="ignore", sparse_output=False, max_categories=24), words),
        (StandardScaler(), numbers),
    )
    return make_pipeline(columns, LogisticRegression(max_iter=500)).fit(frame, data.y)
