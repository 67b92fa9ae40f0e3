"""Re-identification: link, single out and infer people from a released table."""
