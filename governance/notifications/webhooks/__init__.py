"""Webhooks: events of the audit log are copied to an outbox, and workers deliver its rows.

No service knows of webhooks. Delivery is at least once and unordered.
"""
