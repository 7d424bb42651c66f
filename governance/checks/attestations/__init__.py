"""Signed statements about files: DSSE envelopes, in-toto statements, and what they list. Pure; never raises on input
other than `AttestationError`.
"""
