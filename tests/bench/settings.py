"""Settings of the servers that are measured: those of development, with no limit to the requests of a token."""

from governance.settings.development import *  # noqa: F403  # settings build on each other

COUNTERSIGN_API_RATE = (1_000_000_000, 60)
