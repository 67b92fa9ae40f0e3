"""Erasure: one person's rows are taken out of every version that holds them, with a signed receipt."""
