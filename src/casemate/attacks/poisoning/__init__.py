"""Poisoning: spoil the training data so that the model serves everybody worse."""
