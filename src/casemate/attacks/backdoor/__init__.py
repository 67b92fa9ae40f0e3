"""Backdoors: teach the model a trigger that only the attacker knows."""
