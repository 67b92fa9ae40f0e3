"""Encrypted aggregation: exact sums over many clients, of which the server that adds them sees ciphertexts only."""
