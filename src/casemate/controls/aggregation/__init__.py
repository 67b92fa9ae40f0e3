"""Aggregation: figures about groups, with noise that hides every single person, or with thresholds."""
