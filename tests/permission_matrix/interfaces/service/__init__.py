"""The services: what every other interface is held to. A function takes the world and an actor."""

from tests.permission_matrix.interfaces.service import catalogue, gate, notifications, people, reading, tokens_and_views
from tests.permission_matrix.interfaces.service.interface import SERVICE

__all__ = ["SERVICE", "catalogue", "gate", "notifications", "people", "reading", "tokens_and_views"]
