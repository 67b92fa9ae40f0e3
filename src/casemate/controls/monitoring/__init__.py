"""Monitoring: look at inputs and outputs as they pass."""
