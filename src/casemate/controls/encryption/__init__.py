"""Encryption: keys, where they are kept, and what they seal."""
