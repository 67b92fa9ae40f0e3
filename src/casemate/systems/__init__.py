"""Systems under test: the system file, data sets, models, recipes."""
