"""A small population in which it is known what a model needs."""

import numpy as np

from casemate import Column, Dataset, Schema, System
from casemate.core.model import Model, PlainRecipe
from casemate.systems.models import adapt

CATEGORIES = ("a", "b", "c", "d")


def grown(data: Dataset, seed: int) -> Model:
    from sklearn.tree import DecisionTreeClassifier

    return adapt(DecisionTreeClassifier(max_depth=6, random_state=0).fit(data.X, data.y), data.schema)


def made(rows: int = 3000, recipe=grown) -> System:
    """The label is whether age is above 40 or the city is c or d; income and size say nothing."""
    rng = np.random.default_rng(0)
    schema = Schema(
        (
            Column("age", "quasi-identifier", "integer", 0, 99),
            Column("income", "quasi-identifier", "number", 0, 1),
            Column("city", "quasi-identifier", "category", 0, 3, categories=CATEGORIES),
            Column("size", "feature", "number", 0, 1),
        ),
        ("no", "yes"),
    )
    age, city = rng.integers(0, 100, rows), rng.integers(0, 4, rows)
    X = np.column_stack([age, rng.random(rows), city, rng.random(rows)])
    data = Dataset(X, ((age > 40) | (city >= 2)).astype(int), schema)
    half = rows // 2
    plain = None if recipe is None else PlainRecipe(recipe)
    return System("town", data.take(np.arange(half)), data.take(np.arange(half, rows)), recipe=plain)
