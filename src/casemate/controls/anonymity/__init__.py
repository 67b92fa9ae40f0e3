"""Anonymity: groups of rows that look alike, and what they guarantee."""
