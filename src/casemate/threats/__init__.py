"""The threats that Casemate knows, as data: `catalogue()` and what it returns."""

from casemate.core.threat import FAMILIES, Family, Reference, Threat
from casemate.threats.catalogue import Catalogue, Renaming, catalogue, read

__all__ = ["FAMILIES", "Catalogue", "Family", "Reference", "Renaming", "Threat", "catalogue", "read"]
