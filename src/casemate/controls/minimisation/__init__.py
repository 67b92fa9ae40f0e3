"""Minimisation: which columns, and how much of their detail, a model really needs."""
