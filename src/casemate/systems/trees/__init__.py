"""Tree ensembles of scikit-learn, XGBoost and LightGBM, read into one exact flat form.

`flatten` reads a fitted classifier; `verify` holds the result against the library's own `predict_proba` at every
threshold. What the form cannot reproduce exactly (categorical splits, linear leaves, custom losses) is refused.
"""

from __future__ import annotations

from typing import Any

from casemate.core.errors import ModelUnsupported
from casemate.core.trees import TreeEnsemble
from casemate.systems.trees.verify import Verified, verify

__all__ = ["SUPPORTED", "Verified", "flatten", "verify"]

SUPPORTED = (
    "sklearn DecisionTreeClassifier, ExtraTreeClassifier, RandomForestClassifier, ExtraTreesClassifier, "
    "GradientBoostingClassifier, HistGradientBoostingClassifier; xgboost XGBClassifier, XGBRFClassifier, Booster; "
    "lightgbm LGBMClassifier, Booster"
)
"""The model classes that `flatten` reads."""


def flatten(model: Any) -> TreeEnsemble:
    """The trees of a fitted classifier, from whichever library it comes; no library is imported but the model's own.

    Raises:
        ModelUnsupported: the model is of no supported class, or uses something that cannot be represented.
        ModelError: it is not fitted, or its trees are malformed.
    """
    for library in (kind.__module__.partition(".")[0] for kind in type(model).__mro__):
        if library == "xgboost":
            from casemate.systems.trees.xgboost import from_xgboost

            return from_xgboost(model)
        if library == "lightgbm":
            from casemate.systems.trees.lightgbm import from_lightgbm

            return from_lightgbm(model)
        if library == "sklearn":
            from casemate.systems.trees.sklearn import from_sklearn

            return from_sklearn(model)
    raise ModelUnsupported(
        f"{type(model).__module__}.{type(model).__qualname__} is not a tree ensemble that can be read",
        why="attacks and explanations that reason about splits need the exact trees",
        fix=f"give a fitted model of a supported class: {SUPPORTED}",
    )
