"""Access: who may ask, how often."""
