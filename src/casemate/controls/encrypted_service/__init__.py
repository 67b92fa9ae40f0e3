"""Predictions on encrypted data between two parties: the wire format, the client, the server, and both over HTTP.

The server never imports what can hold a secret key; import the two sides from their own modules, `client` and `server`.
"""
