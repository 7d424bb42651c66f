"""The audit log: what happened, who did it, and cryptographic evidence of both. Imports neither registry nor
governance.
"""
