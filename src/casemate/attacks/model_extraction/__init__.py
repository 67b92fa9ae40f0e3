"""Model extraction: copy a model by asking it."""
