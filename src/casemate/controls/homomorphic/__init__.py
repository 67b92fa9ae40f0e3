"""Homomorphic encryption: models compiled to programs that compute on ciphertexts, their keys and their engine."""
