"""Bringing what other registries hold: read over their protocol or from their exports, kept as claims, judged by nobody
here until it is promoted here."""
