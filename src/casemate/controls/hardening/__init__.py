"""Hardening: give away less, train on less that is wrong."""
