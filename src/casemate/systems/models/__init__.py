"""Models of every supported library behind one face: `adapt` an object, or `load_model` from a file."""

from casemate.systems.models.dispatch import SUPPORTED as SUPPORTED
from casemate.systems.models.dispatch import adapt as adapt
from casemate.systems.models.load import load_model as load_model

__all__ = ["SUPPORTED", "adapt", "load_model"]
