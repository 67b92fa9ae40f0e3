"""The drawing of lineage: from sources on the left to consumers on the right, on one page that needs nothing else."""

from casemate.lineage.drawing.page import page

__all__ = ["page"]
