"""Notifications of persons and reviewer groups, and webhooks of other systems. Both are fed by the audit log.

`log_reader` reads the log for both. `reasons` are why persons are notified, `recipients` who is notified of an event,
`dispatching` writes notifications and their deliveries, `delivering` sends them.
"""
