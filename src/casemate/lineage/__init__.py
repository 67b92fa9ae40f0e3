"""Lineage: where data came from, what it touched, and who is in it."""
