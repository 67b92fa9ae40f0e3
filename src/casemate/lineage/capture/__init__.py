"""Capture of a user's own code: which column went where, read from the plans of Polars and DuckDB."""

from casemate.lineage.capture.capturing import Capture, capturing

__all__ = ["Capture", "capturing"]
