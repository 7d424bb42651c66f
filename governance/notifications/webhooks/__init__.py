"""Telling others of what happened: the log's events become an outbox, row by row, and workers empty it.

No service knows of webhooks. What a webhook is told is read from the log, at least once and in no promised order.
"""
