"""Profiling: what in a table identifies people, and how surely."""
