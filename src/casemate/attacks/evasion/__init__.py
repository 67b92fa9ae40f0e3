"""Evasion: change an input within reason until the answer is wrong."""
