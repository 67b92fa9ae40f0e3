"""Which adapter an object gets: decided by the names of its classes, so that no library is imported in vain."""

from __future__ import annotations

from typing import Any

from casemate.core.errors import ModelUnsupported
from casemate.core.model import Model
from casemate.core.schema import Schema

SUPPORTED = (
    "a scikit-learn classifier or pipeline, an XGBoost or LightGBM classifier or Booster, a torch.nn.Module that gives "
    "logits, or any object with predict_proba or predict"
)
"""What `adapt` takes."""


def adapt(thing: Any, schema: Schema, *, frame: bool = False) -> Model:
    """Return a trained object of whichever library as a Model.

    Args:
        thing: the trained object; one that is a Model already is returned as it is.
        schema: the system's columns and classes.
        frame: give estimators a frame with the columns' names and texts instead of an array of numbers.

    Raises:
        ModelUnsupported: no adapter knows the object.
        ModelError: it is not fitted.
        ShapeMismatch: its inputs or classes disagree with the schema.
    """
    if isinstance(thing, Model):
        return thing
    library = {f"{kind.__module__.partition('.')[0]}.{kind.__name__}" for kind in type(thing).__mro__}
    if "torch.Module" in library:
        from casemate.systems.models.torch import from_module

        return from_module(thing, schema)
    # A classifier of these libraries that was fitted on frames is asked with frames, like any other estimator.
    framed = frame and hasattr(thing, "predict_proba")
    if library & {"xgboost.Booster", "xgboost.XGBModel"} and not framed:
        from casemate.systems.models import xgboost

        return xgboost.from_booster(thing, schema)
    if library & {"lightgbm.Booster", "lightgbm.LGBMModel"} and not framed:
        from casemate.systems.models import lightgbm

        return lightgbm.from_booster(thing, schema)
    if not isinstance(thing, type) and (hasattr(thing, "predict_proba") or hasattr(thing, "predict")):
        from casemate.systems.models.sklearn import from_estimator

        return from_estimator(thing, schema, frame=frame)
    raise ModelUnsupported(
        f"{_called(thing)} is no model that Casemate knows",
        why="there is no way to ask it for labels or scores",
        fix=f"give {SUPPORTED}",
    )


def _called(thing: Any) -> str:
    if isinstance(thing, type):
        return f"the class {thing.__name__} (not an instance of it)"
    return f"an object of type {type(thing).__module__}.{type(thing).__qualname__}"
