"""Data sets: rows are read from a source, columns and labels coded, and every value checked against its column."""

from casemate.systems.data.load import Data, load_data

__all__ = ["Data", "load_data"]
