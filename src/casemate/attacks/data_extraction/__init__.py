"""Data extraction: learn from answers what the model was trained on."""
